"""The parts of a data set (train, validation), and their rows from a local copy of it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from lumina_cli.data.config import DataConfig
from lumina_cli.data.readers.files import find_files
from lumina_cli.data.readers.plain_text import CHUNK_CHARS
from lumina_cli.data.readers.registry import DOCUMENT_READERS, rows_of_file
from lumina_cli.data.readers.sniff import sniff_file
from lumina_cli.data.readers.text_files import open_text
from lumina_cli.data.report import Location, ReadReport
from lumina_cli.data.rows import Row
from lumina_cli.errors import DataError
from lumina_cli.io.shell_word import shell_word

VALIDATION_NAMES = ("validation", "valid", "val", "dev", "eval")
TEST_NAMES = ("test",)
PREFERRED = "sft"
"""The word for whole conversations in data sets with parts for several kinds of training."""


def parts_of_local_copy(path: Path, *, report: ReadReport) -> dict[str, list[Path]]:
    """Return the files of a copy by the part of the data set they hold.

    A single file is all for training; in a folder the names of the files tell, as in
    data/validation-00000-of-00001.parquet. Test parts are not taken.
    """
    if path.is_file():
        return {"train": [path]}
    files = {str(file): file for file in find_files([path], report=report)}
    parts = by_part(files, report=report)
    return {part: [files[name] for name in names] for part, names in parts.items()}


def by_part(names: Iterable[str], *, report: ReadReport) -> dict[str, list[str]]:
    """Return names of files or splits by the part they belong to: train or validation.

    Where a set has the same conversations in several forms, one is taken and a notice says so.
    """
    parts: dict[str, list[str]] = {}
    taken = list(names)
    if any(PREFERRED in _words(name) for name in taken):
        for name in taken:
            if PREFERRED not in _words(name):
                report.notices.add(
                    "another form of the same data is not taken", Location(Path(name))
                )
        taken = [name for name in taken if PREFERRED in _words(name)]
    for name in taken:
        parts.setdefault(_part_of(name), []).append(name)
    parts.pop("test", None)
    return parts


def rows_of_local_copy(
    files: list[Path], *, report: ReadReport, takes_text: bool = False
) -> Iterator[Row]:
    """Yield the rows of the files of one part; a row for each line of a text, where it is taken.

    Raises:
        DataError: a file holds text without rows, or is damaged.
    """
    defaults = DataConfig.model_validate({})
    for file in files:
        container = sniff_file(file, config=defaults)
        if container in DOCUMENT_READERS:
            if takes_text:
                yield from _lines(file)
                continue
            raise DataError(
                f"{file} is plain or tagged text, not rows",
                hint=f"Text needs no fetching: lumina train --data {shell_word(file)}",
            )
        yield from rows_of_file(file, container=container, config=defaults, report=report)


def _lines(file: Path) -> Iterator[Row]:
    """Yield the lines of a text; one that is very long comes in pieces."""
    with open_text(file) as text:
        for number, line in enumerate(iter(lambda: text.readline(CHUNK_CHARS), ""), start=1):
            yield Row(Location(file, number), {"text": line.removesuffix("\n")})


def _part_of(name: str) -> str:
    words = _words(name)
    if any(word in VALIDATION_NAMES for word in words):
        return "validation"
    return "test" if any(word in TEST_NAMES for word in words) else "train"


def _words(name: str) -> list[str]:
    return Path(name).name.lower().replace("-", "_").replace(".", "_").split("_")
