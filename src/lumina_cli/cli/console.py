"""The two streams: what was asked for on stdout, everything else on stderr.

Text from models, files and users is shown as `plain` makes it: without control characters
(a terminal obeys ESC) and never as Rich markup.
"""

import io
import json
import re
import sys
import textwrap
from collections.abc import Mapping

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.text import Text

from lumina_cli.cli.verbosity import verbosity
from lumina_cli.io.terminal_text import one_line, strip_controls

PIPE_COLUMNS = 100_000
"""As wide as any line."""
_COMMAND_AT_END = re.compile(r"(.*:) (lumina (?:(?!\. |; |\)).)*)")


def stderr_console() -> Console:
    """Return the console for progress, notices and errors."""
    return Console(stderr=True, highlight=False, soft_wrap=False)


def stdout_console() -> Console:
    """Return the console for what was asked for."""
    return Console(highlight=False, soft_wrap=False)


def never_fail_to_encode() -> None:
    """Let what stdout can't show become `?`, and take what stdin holds, text or not."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")


def typed_text(text: str) -> str:
    """Return what a person typed as text: bytes that were not understood are read as UTF-8."""
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a UTF-16 pair, as Windows may give
        raw = text.encode("utf-8", "replace")
    return raw.decode("utf-8", "replace")


def plain(text: str, *, style: str = "") -> Text:
    """Return untrusted text, safe to draw."""
    return Text(strip_controls(text), style=style)


def print_text(
    console: Console, text: str, *, style: str = "", indent: str = "", label: str = ""
) -> None:
    """Print untrusted text; on a terminal its lines break between words alone.

    Args:
        console: to print on.
        text: of one line or several.
        style: of the text.
        indent: what a line begins with that goes on with the one before.
        label: what comes before the text, in red.
    """
    text = label + text
    if console.is_terminal:
        text = broken_between_words(text, width=console.width, indent=indent)
    shown = plain(text, style=style)
    shown.stylize("bold red", 0, len(label))
    console.print(shown, soft_wrap=True)


def print_aligned(console: Console, shown: RenderableType) -> None:
    """Print what Rich fills up with spaces; in a pipe each row is one line without them."""
    if console.is_terminal:
        console.print(shown)
        return
    page = io.StringIO()
    Console(file=page, width=PIPE_COLUMNS, highlight=False).print(shown)
    lines = page.getvalue().rstrip("\n").split("\n")
    console.print(Text("\n".join(line.rstrip() for line in lines)), soft_wrap=True)


def broken_between_words(text: str, *, width: int, indent: str = "") -> str:
    """Return lines of this width; a longer word stays whole, and so does a command to paste."""
    wrapper = textwrap.TextWrapper(
        width=width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
    lines = []
    for line in text.split("\n"):
        if cell_len(line) <= width:
            lines.append(line)
            continue
        told = _COMMAND_AT_END.fullmatch(line)
        lines += wrapper.wrap(told[1] if told else line) or [""]
        lines += [f"  {told[2]}"] if told else []
    return "\n".join(lines)


def print_json(value: Mapping[str, object]) -> None:
    """Write one JSON object to stdout, on a line of its own.

    In ASCII, so that it is the same bytes in every locale and no control character in a
    text reaches a terminal.
    """
    sys.stdout.write(json.dumps(value, ensure_ascii=True, allow_nan=False) + "\n")
    sys.stdout.flush()


def notice(text: str, *, console: Console | None = None) -> None:
    """Tell something on stderr that is worth knowing, unless `-q` asks for quiet.

    While a live view draws, `console` is its own, or the two would paint over each other.
    """
    if verbosity.level >= 0:
        print_text(console or stderr_console(), one_line(text), style="dim")
