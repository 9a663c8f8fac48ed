"""Names in commands that are suggested: as they have to be typed, or can be pasted."""

import os
import shlex
from pathlib import Path

from lumina_cli.io.terminal_text import one_line


def shell_word(name: str | Path) -> str:
    """Return a name as one word of a shell, whatever is in it.

    What can't be shown (control characters, bytes that are no UTF-8) is written as bash, zsh and
    ksh read it: `$'\\xe9'`.
    """
    text = str(name)
    if os.name == "nt":
        return f'"{text}"' if not text or any(char in text for char in " &()^;,=") else text
    if one_line(text, max_chars=len(text) + 1) == text and _is_unicode(text):
        return shlex.quote(text)
    return "$'" + "".join(map(_escaped, _bytes_of(text))) + "'"


def _bytes_of(text: str) -> bytes:
    try:
        return os.fsencode(text)
    except UnicodeEncodeError:  # no file can be called so
        return text.encode("utf-8", "replace")


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _escaped(byte: int) -> str:
    char = chr(byte)
    if char in "\\'":
        return f"\\{char}"
    return char if " " <= char <= "~" else f"\\x{byte:02x}"
