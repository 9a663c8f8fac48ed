"""Contamination: validation files that are trained on, too, measure memory and not skill."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from lumina_cli.data.readers.files import find_files, open_regular, status
from lumina_cli.data.report import ReadReport


def files_in_both(train: Sequence[Path], validation: Sequence[Path]) -> list[Path]:
    """Return the files of `validation` whose content is in `train`, whatever their names.

    Only files of equal size are read.

    Raises:
        MissingInputError, DataError: as reading them would.
    """
    by_size: dict[int, list[Path]] = {}
    for path in find_files(train, report=ReadReport()):
        by_size.setdefault(status(path).st_size, []).append(path)
    return [
        path
        for path in find_files(validation, report=ReadReport())
        if any(_same(path, other) for other in by_size.get(status(path).st_size, []))
    ]


def _same(path: Path, other: Path) -> bool:
    return path.samefile(other) or _digest(path) == _digest(other)


def _digest(path: Path) -> bytes:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").digest()
