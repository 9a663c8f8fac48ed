"""A sign at the end of a page by which this program knows its own, unchanged, to write it anew."""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from lumina_cli.io.regular_file import open_regular

_SIGN = b"<!-- lumina-export sha256:"
_SIGN_END = b" -->\n"
_SIGN_BYTES = len(_SIGN) + 64 + len(_SIGN_END)


def signed(page: bytes) -> bytes:
    """Return a page with a digest at its end."""
    return page + _SIGN + hashlib.sha256(page).hexdigest().encode() + _SIGN_END


def is_signed(file: BinaryIO) -> bool:
    """Whether a file is a page that this program wrote, and nobody has changed."""
    num_bytes = file.seek(0, os.SEEK_END)
    file.seek(max(0, num_bytes - _SIGN_BYTES))
    if not file.read(len(_SIGN)).startswith(_SIGN):
        return False  # whatever it is, it is not read as a whole
    file.seek(0)
    content = file.read()
    return signed(content[:-_SIGN_BYTES]) == content


def is_our_page(path: Path) -> bool:
    """Whether a page of ours, unchanged, lies there."""
    with open_regular(path) as file:
        return is_signed(file)
