"""How a chat looks: the reply on stdout as the model says it, all else on stderr."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from itertools import cycle

from rich.console import Console
from rich.text import Text

from lumina_cli.chat.parser import COMMANDS
from lumina_cli.chat.probs import CharacterProb
from lumina_cli.chat.session import Session, Stats
from lumina_cli.cli.console import plain, print_text
from lumina_cli.cli.formatting import format_count
from lumina_cli.cli.terminal.hidden_typing import typing_hidden
from lumina_cli.cli.terminal.word_wrap import wrapped
from lumina_cli.cli.views.look.canvas import Canvas
from lumina_cli.cli.views.look.draw import lines_of
from lumina_cli.cli.views.replies import ReplyForm, ReplyWriter
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.io.terminal_text import strip_controls
from lumina_cli.look.matters import MattersView
from lumina_cli.recipes.infer.loaded_model import ModelCard

MAX_UNSURE_SHOWN = 20
LABEL = "bot> "

_STYLES = ((0.9, "green"), (0.5, ""), (0.2, "yellow"), (0.05, "red"), (0.0, "bold red"))
"""From which probability on a character has which style."""


class ChatView:
    """Draws a chat.

    Args:
        console: for everything but replies (stderr).
        has_labels: whether to write who speaks.
        quiet: whether to leave out header and notices.
        form: how replies are written.
    """

    def __init__(
        self, console: Console, *, has_labels: bool, quiet: bool = False, form: ReplyForm = "text"
    ) -> None:
        self.console = console
        self.has_labels = has_labels
        self.quiet = quiet
        self._replies = ReplyWriter(form)

    def header(self, card: ModelCard, config: SamplingConfig) -> None:
        """Introduce the model, the sampler and the help."""
        if self.quiet:
            return
        facts = [f"{card.path}: {format_count(card.num_parameters)} parameters"]
        if card.trained_on:
            facts.append(f"trained on {card.trained_on}")
        if card.bits_per_char is not None:
            of_what = " of its replies" if card.is_of_replies else ""
            facts.append(f"{card.bits_per_char:.2f} bits per character{of_what}")
        if card.created:
            facts.append(card.created)
        self.line(", ".join(facts), style="bold")
        self.line(f"{describe_sampler(config)} · help lists the commands, exit leaves", style="dim")

    def line(self, text: str, *, style: str = "", indent: str = "") -> None:
        """Write a line about the chat; what this terminal can't show is left out."""
        shown = _encodable(text, self.console.encoding)
        print_text(self.console, shown, style=style, indent=indent)

    def notice(self, text: str) -> None:
        """Tell something that is worth knowing."""
        if not self.quiet:
            self.line(text, style="dim")

    def reply(self, texts: Iterator[str], *, prompt: str = "") -> None:
        """Write a reply as it comes; KeyboardInterrupt passes on when it is closed.

        What was said until then stays said.
        """
        shown = texts
        if self.has_labels:
            self.console.print(plain(LABEL, style="bold cyan"), end="")
            if sys.stdout.isatty():
                shown = wrapped(texts, width=self.console.width, column=len(LABEL))
        had_joined = self._replies.has_joined_lines
        hidden = typing_hidden() if self.has_labels else nullcontext()
        with closing(texts), hidden:  # type: ignore[type-var]  # a generator
            self._replies.write(shown, prompt=prompt)
        if self._replies.has_joined_lines and not had_joined:
            self.notice("a reply of several lines stands in one; --json keeps its lines")

    def no_reply(self, *, prompt: str) -> None:
        """Write what stands for a reply, so that each line of a pipe has one."""
        self._replies.write_nothing(prompt=prompt)

    def candidates(self, texts: Sequence[str]) -> None:
        """List the replies that might have been, after the one that was."""
        for number, text in enumerate(texts[1:], start=2):
            self.line(f"{number}. {text}", style="dim")

    def help(self) -> None:
        """List all commands."""
        for entry in COMMANDS.values():
            if entry.heading:
                self.line(entry.heading, style="bold")
            usage = entry.usage if entry.bare else f"/{entry.usage}"
            self.line(f"  {usage:<14} {entry.tells}", indent=" " * 17)
        self.line("Each has a slash form too (/temp 0.8). All else is said to the model.")

    def history(self, session: Session) -> None:
        """Show all that was said."""
        if not session.messages:
            self.line("Nothing was said yet.")
        for message in session.messages:
            name = {"user": "you", "bot": "bot", "system": "system"}[message.role]
            self.line(f"{name}> {message.text}", style="" if message.role == "bot" else "bold")

    def stats(self, stats: Stats, config: SamplingConfig) -> None:
        """Show where the session stands."""
        self.line(
            f"last reply: {stats.reply_chars:,} characters in {stats.reply_seconds:.2f} s "
            f"({stats.chars_per_s:,.0f} characters per second)"
        )
        self._guesses(stats)
        self.line(
            f"context: {stats.context_ids} of {stats.context_size} tokens; turns: {stats.turns}"
        )
        self.line(f"{describe_sampler(config)}, seed {stats.seed}")

    def why(self, view: MattersView | None) -> None:
        """Show what mattered for a character of the last reply."""
        if view is None:
            self.line("There is no reply yet.")
            return
        for line in lines_of(view, Canvas.of(self.console)):
            self.console.print(line)

    def _guesses(self, stats: Stats) -> None:
        """Tell how much of the draft was accepted, if there was one."""
        counts = stats.acceptance
        if counts is None or counts.rate is None or counts.ids_per_pass is None:
            return
        self.line(
            f"speculative decoding: {counts.rate:.0%} of the draft accepted, "
            f"{counts.ids_per_pass * stats.chars_per_id:.1f} characters a pass"
        )

    def probs(self, characters: Sequence[CharacterProb]) -> None:
        """Show a reply coloured by how sure the model was; in figures where there is no colour.

        Of pieces every second one is underlined, so that one sees where they end.
        """
        if not characters:
            self.line("There is no reply yet.")
            return
        if self.console.no_color or self.console.color_system is None:
            self._probs_in_figures(characters)
        else:
            lines = cycle(("", " underline" if _has_pieces(characters) else ""))
            shown = ((_shown(c.text), _style(c) + next(lines)) for c in characters)
            self.console.print(Text.assemble(*shown))
            legend = [(f"{least:.0%} ", style) for least, style in _STYLES]
            self.console.print(Text.assemble("how sure it was, at least: ", *legend))
        self._top_probs(characters)

    def _probs_in_figures(self, characters: Sequence[CharacterProb]) -> None:
        """Write under each character its probability in tenths, of a piece under its first."""
        width = max(self.console.width - 1, 10)
        text = "".join(c.text for c in characters).replace("\n", "↵").replace("\t", " ")
        figures = "".join(str(min(int(c.prob * 10), 9)).ljust(len(c.text), "-") for c in characters)
        for start in range(0, len(text), width):
            self.line(text[start : start + width])
            self.line(figures[start : start + width])
        unit = "piece that begins" if _has_pieces(characters) else "character"
        self.line(f"(how sure it was of the {unit} above, in tenths: 9 is 90 % or more)")

    def _top_probs(self, characters: Sequence[CharacterProb]) -> None:
        if not characters[0].top_probs:
            return
        if len(characters) > MAX_UNSURE_SHOWN:
            self.line(f"The {MAX_UNSURE_SHOWN} of {len(characters)} it was least sure of:")
        unsure = sorted(range(len(characters)), key=lambda i: characters[i].prob)
        for place in sorted(unsure[:MAX_UNSURE_SHOWN]):
            character = characters[place]
            before = "".join(c.text for c in characters[max(place - 8, 0) : place])
            others = ", ".join(f"{text!r} {_percent(p)}" for text, p in character.top_probs)
            chosen = f"{character.text!r} {_percent(character.prob)}"
            self.line(f"after {before!r:<12} it said {chosen}, not {others}")


def describe_sampler(config: SamplingConfig) -> str:
    """Return in words how replies are drawn."""
    own = {
        "top-k": f"top-k {config.top_k}",
        "nucleus": f"nucleus {config.top_p:g}",
        "min-p": f"min-p {config.min_p:g}",
        "beam": f"beam search, {config.num_beams} beams",
    }
    if config.is_greedy:
        return "sampler: greedy"
    if config.sampler == "beam":
        return f"sampler: {own['beam']}"
    return f"sampler: {own[config.sampler]}, temperature {config.temperature:g}"


def _has_pieces(characters: Sequence[CharacterProb]) -> bool:
    return any(len(character.text) > 1 for character in characters)


def _style(character: CharacterProb) -> str:
    return next(style for least, style in _STYLES if character.prob >= least)


def _percent(prob: float) -> str:
    return "under 1%" if prob < 0.005 else f"{prob:.0%}"


def _shown(text: str) -> str:
    return strip_controls(text).replace("\n", "↵\n")


def _encodable(text: str, encoding: str) -> str:
    """Leave out what an encoding lacks, such as the emoji before a line and the space after it."""
    shown = text.encode(encoding, "ignore").decode(encoding)
    return shown if shown == text else shown.lstrip()
