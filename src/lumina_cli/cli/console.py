"""The two streams: what was asked for on stdout, everything else on stderr.

Text from models, files and users is shown as `plain` makes it: without control characters
(a terminal obeys ESC) and never as Rich markup.
"""

import io
import json
import sys
from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from lumina_cli.cli.verbosity import verbosity
from lumina_cli.io.terminal_text import one_line, strip_controls


def stderr_console() -> Console:
    """Return the console for progress, notices and errors."""
    return Console(stderr=True, highlight=False, soft_wrap=False)


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


def print_json(value: Mapping[str, object]) -> None:
    """Write one JSON object to stdout, on a line of its own.

    In ASCII, so that it is the same bytes in every locale and no control character in a
    text reaches a terminal.
    """
    sys.stdout.write(json.dumps(value, ensure_ascii=True, allow_nan=False) + "\n")
    sys.stdout.flush()


def notice(text: str) -> None:
    """Tell something on stderr that is worth knowing, unless `-q` asks for quiet."""
    if verbosity.level >= 0:
        stderr_console().print(plain(one_line(text), style="dim"), soft_wrap=True)
