"""What lines are drawn on: how wide, in colours or digits, in which characters."""

from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from lumina_cli.cli.console import plain
from lumina_cli.io.terminal_text import strip_controls
from lumina_cli.look.pieces import Piece

LEAST_WIDTH = 20
BAR_EIGHTHS = " ▏▎▍▌▋▊▉"
GREY = "bright_black"
_TAGS = {
    "<|begin|>": "<begin>",
    "<|system|>": "system:",
    "<|user|>": "user:",
    "<|bot|>": "bot:",
    "<|end|>": "<end>",
}


class Canvas(NamedTuple):
    """A terminal, or what stands for one.

    Attributes:
        width: in columns.
        has_colour: whether values may be shown by colours.
        encoding: of the stream.
    """

    width: int
    has_colour: bool
    encoding: str

    @classmethod
    def of(cls, console: Console) -> "Canvas":
        """Return what a console can show."""
        has_colour = console.color_system is not None and not console.no_color
        return cls(max(console.width, LEAST_WIDTH), has_colour, console.encoding)

    def symbol(self, symbol: str, instead: str) -> str:
        """Return a symbol, or what stands for it where it can't be written."""
        try:
            symbol.encode(self.encoding)
        except (UnicodeEncodeError, LookupError):
            return instead
        return symbol

    def visible(self, text: str) -> str:
        """Return a text on one line in which line ends and tabs are seen."""
        shown = text.replace("\n", self.symbol("↵", "|")).replace("\t", self.symbol("→", " "))
        return strip_controls(shown)

    def label(self, label: str) -> str:
        """Return how an id is named in a list."""
        name = _TAGS.get(label, label)
        if name == " ":
            return self.symbol("␣", "_")
        return self.visible(name) or f"U+{ord(name[:1] or ' '):04X}"

    def piece(self, piece: Piece) -> str:
        """Return how a piece is shown within its text."""
        if piece.text:
            return self.visible(piece.text)
        return _TAGS.get(piece.label, self.visible(piece.label))

    def bar(self, share: float, *, size: int) -> str:
        """Return a bar of a share of `size` columns."""
        if self.symbol("▏█", "") == "":
            return "#" * round(share * size)
        whole, eighths = divmod(round(share * size * 8), 8)
        return "█" * whole + BAR_EIGHTHS[eighths].strip()


def padded(text: str, size: int) -> str:
    """Return a text filled up with spaces to so many columns."""
    return text + " " * (size - cell_len(text))


def cut(text: str, size: int) -> str:
    """Return the beginning of a text in so many columns, filled up with spaces."""
    return set_cell_size(strip_controls(text), size)


def percent(prob: float) -> str:
    """Return a probability as people read it, in six columns."""
    return " <0.1%" if 0 < prob < 0.0005 else f"{prob:6.1%}"


def dim(text: str) -> Text:
    """Return a line beside the matter."""
    return plain(text, style="dim")
