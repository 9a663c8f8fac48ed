"""The two streams: what was asked for on stdout, everything else on stderr.

Text from models, files and users is shown as `plain` makes it: without control characters
(a terminal obeys ESC) and never as Rich markup.
"""

import json
import sys
from collections.abc import Mapping

from rich.console import Console
from rich.text import Text


def stderr_console() -> Console:
    """Return the console for progress, notices and errors."""
    return Console(stderr=True, highlight=False, soft_wrap=False)


def plain(text: str, *, style: str = "") -> Text:
    """Return untrusted text, safe to draw."""
    return Text(strip_controls(text), style=style)


def strip_controls(text: str) -> str:
    """Remove C0 and C1 control characters, newline and tab apart."""
    return "".join(c for c in text if c in "\n\t" or (ord(c) >= 0x20 and not 0x7F <= ord(c) < 0xA0))


def print_json(value: Mapping[str, object]) -> None:
    """Write one JSON object to stdout, on a line of its own."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()


def notice(text: str) -> None:
    """Tell something on stderr that is worth knowing."""
    stderr_console().print(plain(text, style="dim"))
