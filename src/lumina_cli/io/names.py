"""Names made from other names, no longer than the file system takes."""

import errno
import os
import re
from collections.abc import Sequence
from pathlib import Path

from lumina_cli.errors import OutputError

_ESCAPED_BYTE = re.compile(r"\\udc([89a-f][0-9a-f])")


def told_path(name: str) -> Path:
    """Return the path that a model file or checkpoint tells.

    It holds text that can be written down: a byte of a name that is no UTF-8 stands in it as
    `\\udce9`.
    """
    path = Path(name)
    restored = _ESCAPED_BYTE.sub(lambda found: chr(int(f"dc{found[1]}", 16)), name)
    if restored == name or os.path.lexists(path) or not os.path.lexists(restored):
        return path
    return Path(restored)


def is_too_long(path: Path) -> bool:
    """Whether nothing can be called so: the file system itself is asked."""
    try:
        path.lstat()
    except OSError as error:
        return error.errno == errno.ENAMETOOLONG
    return False


def check_length(path: Path, *derived: Path) -> None:
    """Raise OutputError where a name, or one that is derived from it, is too long for a file."""
    if any(is_too_long(each) for each in (path, *derived)):
        raise OutputError(
            f"{path.name[:40]}… can't be written: its name or path is too long",
            hint="Choose a shorter one: --out Model.pth",
        )


def fitting_stem(path: Path, *, stem: str, endings: Sequence[str]) -> str:
    """Return how a name beside `path` begins, cut where it is too long with one of the endings."""
    while len(stem) > 1 and any(is_too_long(path.with_name(stem + end)) for end in endings):
        stem = stem[:-1]
    return stem
