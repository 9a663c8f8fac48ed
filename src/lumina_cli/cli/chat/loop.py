"""The chat at a terminal: read a line, handle it or answer, until the person leaves."""

import os
from pathlib import Path
from typing import Literal

from lumina_cli.chat.commands import (
    Command,
    Edit,
    Explain,
    Load,
    Nothing,
    Save,
    Say,
    SetNumber,
    ShowProbs,
    Simple,
    System,
    Teach,
    UseSampler,
    Why,
)
from lumina_cli.chat.parser import parse
from lumina_cli.chat.session import Session
from lumina_cli.chat.session_file import read_session, write_session
from lumina_cli.chat.taught import TAUGHT, keep_taught
from lumina_cli.cli.chat.line_editor import PROMPT, LineEditor
from lumina_cli.cli.formatting import counted
from lumina_cli.cli.views.chat import ChatView
from lumina_cli.core.memory import is_out_of_memory
from lumina_cli.errors import LuminaError, OutOfMemoryError
from lumina_cli.recipes.look.reply import explain_last_reply

MORE = "...> "
BLOCK = '"""'
"""Begins and ends a message of many lines."""
LONGEST_ERROR = 500
LEAVING = "Ctrl-C again, Ctrl-D or exit leaves."


class ChatLoop:
    """One chat, from its first line to its last.

    Args:
        session: the conversation.
        view: where it is drawn.
        editor: where lines come from.
        first: line that a person typed before there was a session.
        is_warned: whether Ctrl-C was pressed before there was a session.
        is_interactive: whether a person is there to see what went wrong and go on; else it
            ends in `exit_code`.
    """

    def __init__(
        self,
        session: Session,
        *,
        view: ChatView,
        editor: LineEditor,
        first: str | None = None,
        is_warned: bool = False,
        is_interactive: bool = True,
    ) -> None:
        self.session = session
        self.view = view
        self.editor = editor
        self.is_interactive = is_interactive
        self.exit_code = 0
        self._first, self._is_warned = first, is_warned
        self._draft = ""
        self._leaving = False

    def run(self) -> None:
        """Chat until `exit` or the end of input. KeyboardInterrupt: the second at the prompt."""
        is_warned = self._is_warned
        while not self._leaving:
            try:
                line = self._read()
            except EOFError:
                if self.is_interactive:
                    self.view.line("")
                return
            except KeyboardInterrupt:
                if is_warned or not self.is_interactive:
                    raise
                is_warned = True
                self.view.line(LEAVING, style="dim")
                continue
            is_warned = False
            command = parse(line)
            self.handle(command)
            if not self.is_interactive and isinstance(command, Nothing | Explain):
                self.view.no_reply(prompt=line)

    def handle(self, command: Command) -> None:
        """Do what a line means; what goes wrong is told, and the chat goes on."""
        try:
            self._handle(command)
        except LuminaError as error:
            what = _shortened(error.message)
            self.view.line(". ".join(filter(None, [what, error.hint])), style="red")
            self.exit_code = 0 if self.is_interactive else error.exit_code
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            is_beam = self.session.config.sampler == "beam"
            hint = "; fewer beams need less: /beam 2" if is_beam else ""
            self.view.line(f"Memory ran out{hint}.", style="red")
            self.exit_code = 0 if self.is_interactive else OutOfMemoryError.exit_code
        except KeyboardInterrupt:
            if not self.is_interactive:
                raise
            self.view.line("(stopped)", style="dim")
        for text in self.session.take_notices():
            self.view.notice(text)

    def _read(self) -> str:
        default, self._draft = self._draft, ""
        first, self._first = self._first, None
        line = self.editor.read(PROMPT, default=default) if first is None else first
        return self._block(line) if self.is_interactive and line.startswith(BLOCK) else line

    def _block(self, line: str) -> str:
        """Return a message of many lines, from one mark to the next."""
        lines = [line.removeprefix(BLOCK)]
        while not lines[-1].rstrip().endswith(BLOCK):
            lines.append(self.editor.read(MORE))
        lines[-1] = lines[-1].rstrip().removesuffix(BLOCK)
        return "/say " + "\n".join(lines).strip("\n")

    def _handle(self, command: Command) -> None:
        match command:
            case Nothing():
                pass
            case Say(text):
                self._answer(text)
            case Explain(message):
                self.view.line(message)
            case Simple(name):
                self._handle_simple(name)
            case SetNumber() | UseSampler():
                self.view.line(self.session.change(command))
            case Edit(text):
                self._edit(text)
            case System(text):
                self._system(text)
            case Teach(text):
                self._teach(text)
            case Save(path):
                write_session(_file_named(path), self.session.saved())
                self.view.line(f"💾 Saved to {path}")
            case Load(path):
                self.session.restore(read_session(_file_named(path)))
                turns = counted(self.session.stats().turns, "turn")
                self.view.line(f"📂 Going on with {path}: {turns} (/history shows what was said)")
            case ShowProbs(num_top_probs):
                self.view.probs(self.session.probs(num_top_probs=num_top_probs))
            case Why(at):
                self.view.why(explain_last_reply(self.session, at=at))

    def _handle_simple(
        self,
        name: Literal["exit", "clear", "help", "history", "stats", "multiline", "retry", "undo"],
    ) -> None:
        match name:
            case "exit":
                self._leaving = True
                self.view.line("👋 Bye")
            case "clear":
                self.session.clear()
                self.view.line("🧹 Conversation cleared")
            case "help":
                self.view.help()
            case "history":
                self.view.history(self.session)
            case "stats":
                self.view.stats(self.session.stats(), self.session.config)
            case "multiline":
                self.editor.multiline = not self.editor.multiline
                is_on = self.editor.multiline
                how = f"on: {self.editor.how_to_send}" if is_on else "off: Enter sends"
                self.view.line(f"📝 Messages of many lines are {how}")
            case "retry":
                self._retry()
            case "undo":
                undone = self.session.undo()
                self.view.line(
                    "Nothing to undo." if undone is None else f"↩️ Undone: {undone[:200]}"
                )

    def _answer(self, text: str) -> None:
        self.view.reply(self.session.say(text), prompt=text)
        self.view.candidates(self.session.candidates)

    def _retry(self) -> None:
        if self.session.last_question is None:
            self.view.line("Nothing to answer yet.")
            return
        self.view.reply(self.session.retry(), prompt=self.session.last_question)
        self.view.candidates(self.session.candidates)
        if self.session.config.is_greedy:
            self.view.notice("greedy says the same each time; nucleus draws anew")

    def _edit(self, text: str) -> None:
        question = self.session.last_question
        if question is None:
            self.view.line("Nothing to edit yet.")
        elif not text:
            self._draft = f"/edit {question}"
            self.view.line("Change your last message and press Enter.", style="dim")
        else:
            self.session.undo()
            self._answer(text)

    def _teach(self, text: str) -> None:
        messages = self.session.correct(text)
        if messages is None:
            self.view.line("Nothing to correct yet: say something first.")
            return
        keep_taught(TAUGHT, messages)
        self.view.line(f"📝 Kept in {TAUGHT}. To learn it: lumina finetune --data {TAUGHT}")

    def _system(self, text: str) -> None:
        if not text:
            self.view.line(f"System message: {self.session.system or '(none)'}")
            return
        is_off = text.lower() == "off"
        self.session.set_system("" if is_off else text)
        self.view.line("🧭 System message removed" if is_off else "🧭 System message set")


def _shortened(text: str) -> str:
    """Keep a line that names a file readable, whatever was given for one."""
    return text if len(text) <= LONGEST_ERROR else f"{text[:LONGEST_ERROR]}…"


def _file_named(name: str) -> Path:
    """Return the file that a person means; `~` is home, and stays what it is without one."""
    return Path(os.path.expanduser(name))  # noqa: PTH111  Path's own raises for ~nobody
