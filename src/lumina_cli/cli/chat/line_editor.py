"""Where lines come from: prompt_toolkit where it is installed, plain input otherwise.

Both keep the history, complete commands after a slash, and take messages of many lines.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from typing import Any, Protocol

from lumina_cli.chat.parser import COMMANDS
from lumina_cli.cli.chat.history import MAX_ENTRY_CHARS, LineHistory
from lumina_cli.cli.console import typed_text

PROMPT = "you> "
LONG_PASTE_CHARS = 2_000
"""A longer paste is shown as its size; the message holds all of it."""


class LineEditor(Protocol):
    """Reads one message at a time.

    `read` raises EOFError at the end of input and KeyboardInterrupt at Ctrl-C.
    """

    multiline: bool
    how_to_send: str
    shows_lines_above: bool
    """Whether what is written while a person types stands above the line."""

    def read(self, prompt: str, *, default: str = "") -> str:
        """Return the next message; `default` is there to be edited."""
        ...


def make_editor() -> LineEditor:
    """Return the best editor that this terminal and this installation have."""
    is_plain = os.environ.get("TERM", "dumb") in ("", "dumb", "unknown") and os.name != "nt"
    if is_plain or not sys.stdout.isatty() or find_spec("prompt_toolkit") is None:
        return PlainEditor(LineHistory())
    return PromptToolkitEditor(LineHistory())


class PipeEditor:
    """Lines of a pipe or a file; each is answered as soon as it has come."""

    multiline = False
    how_to_send = "not possible in a pipe"
    shows_lines_above = False

    def read(self, prompt: str, *, default: str = "") -> str:
        """Return the next line; nobody is there to be asked for it."""
        return _line_of_stdin()


class PlainEditor:
    """`input`, with readline where Python has it."""

    how_to_send = "an empty line sends the message"
    shows_lines_above = False

    def __init__(self, history: LineHistory) -> None:
        self.multiline = False
        self._history = history
        self._readline = _readline()
        if self._readline is not None:
            self._readline.clear_history()
            for line in history.lines:
                self._remember(line)
            self._readline.set_auto_history(False)
            self._readline.set_completer_delims(" \t\n")
            self._readline.set_completer(_completion)
            self._readline.parse_and_bind("tab: complete")

    def read(self, prompt: str, *, default: str = "") -> str:
        """Return the next message; `default` needs readline."""
        line = self._line(prompt, default=default)
        if self.multiline and line.strip() and not line.startswith("/"):
            lines = [line]
            while line := self._line("... "):
                lines.append(line)
            line = "\n".join(lines)
        self._history.add(line)
        if line.strip():
            self._remember(line)
        return line

    def _remember(self, line: str) -> None:
        if self._readline is not None:
            with suppress(UnicodeEncodeError):  # a character that the locale lacks
                self._readline.add_history(line.replace("\n", " "))

    def _line(self, prompt: str, *, default: str = "") -> str:
        if not sys.stdout.isatty():
            return _line_apart_from_stdout(prompt)
        if self._readline is not None:
            self._readline.set_startup_hook(lambda: _insert(self._readline, default))
        try:
            return typed_text(input(prompt))
        finally:
            if self._readline is not None:
                self._readline.set_startup_hook(None)


class PromptToolkitEditor:
    """prompt_toolkit: editing, completion, search in the history, paste of any size."""

    how_to_send = "Esc, then Enter sends the message"
    shows_lines_above = True

    def __init__(self, history: LineHistory, **terminal: Any) -> None:
        # Imported here because it is an extra, and only a chat at a terminal needs it.
        from prompt_toolkit import PromptSession  # noqa: PLC0415
        from prompt_toolkit.completion import WordCompleter  # noqa: PLC0415
        from prompt_toolkit.filters import Condition  # noqa: PLC0415

        self.multiline = False
        self._history = history
        self._pastes: dict[str, str] = {}
        self._session: PromptSession[str] = PromptSession(
            history=_shared_history(history, whole=self._whole),
            completer=WordCompleter([f"/{name}" for name in COMMANDS], sentence=True),
            complete_while_typing=False,
            multiline=Condition(lambda: self.multiline),
            prompt_continuation="... ",
            key_bindings=self._bindings(),
            **terminal,
        )

    def read(self, prompt: str, *, default: str = "") -> str:
        """Return the next message."""
        from prompt_toolkit.patch_stdout import patch_stdout  # noqa: PLC0415

        self._pastes.clear()
        with patch_stdout(raw=True):
            shown = self._session.prompt(prompt, default=self._shown_paste(default))
        return self._whole(shown)

    def _bindings(self) -> Any:
        from prompt_toolkit.key_binding import KeyBindings  # noqa: PLC0415
        from prompt_toolkit.keys import Keys  # noqa: PLC0415

        bindings = KeyBindings()

        @bindings.add(Keys.BracketedPaste)
        def _(event: Any) -> None:
            event.current_buffer.insert_text(self._shown_paste(event.data))

        return bindings

    def _whole(self, shown: str) -> str:
        """Return a message as it was meant: each long paste in the place of its size."""
        for marker, pasted in self._pastes.items():
            shown = shown.replace(marker, pasted)
        return typed_text(shown)

    def _shown_paste(self, data: str) -> str:
        text = data.replace("\r\n", "\n").replace("\r", "\n")
        if len(text) <= LONG_PASTE_CHARS:
            return text
        marker = f"[pasted {len(text):,} characters, {len(self._pastes) + 1}]"
        self._pastes[marker] = text
        return marker


def _shared_history(lines: LineHistory, *, whole: Callable[[str], str]) -> Any:
    """Return our history as prompt_toolkit takes it; `whole` turns what it shows to messages."""
    from prompt_toolkit.history import History  # noqa: PLC0415

    class SharedHistory(History):
        def load_history_strings(self) -> Iterator[str]:
            return reversed(lines.lines)

        def append_string(self, string: str) -> None:
            message = whole(string)
            if len(message) <= MAX_ENTRY_CHARS:
                super().append_string(message)

        def store_string(self, string: str) -> None:
            lines.add(string)

    return SharedHistory()


def _readline() -> Any:
    try:
        import readline  # noqa: PLC0415  Windows has none
    except ImportError:
        return None
    return readline


def _completion(text: str, state: int) -> str | None:
    matches = [f"/{name}" for name in COMMANDS if f"/{name}".startswith(text)] if text else []
    return matches[state] if state < len(matches) else None


def _insert(readline: Any, text: str) -> None:
    with suppress(UnicodeEncodeError):
        readline.insert_text(text.replace("\n", " "))


def _line_apart_from_stdout(prompt: str) -> str:
    """Read a line with the prompt on stderr: stdout takes the replies, to a file or a pipe."""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    return _line_of_stdin()


def _line_of_stdin() -> str:
    line = sys.stdin.readline() if sys.stdin is not None else ""
    if not line:
        raise EOFError
    return typed_text(line.rstrip("\n"))
