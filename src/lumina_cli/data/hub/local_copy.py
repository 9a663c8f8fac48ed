"""A data set from a local copy or the hub: what is in which part, and its rows."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from lumina_cli.data.config import DataConfig
from lumina_cli.data.readers.files import rows_of_file
from lumina_cli.data.readers.json_rows import Row
from lumina_cli.data.readers.sources import find_files
from lumina_cli.data.report import Place, ReadReport

VALIDATION_NAMES = ("validation", "valid", "val", "dev", "eval")
TEST_NAMES = ("test",)
PREFERRED = "sft"
"""Sets made for several trainings name the parts with whole conversations so."""


def parts_of_mirror(path: Path, *, report: ReadReport) -> dict[str, list[Path]]:
    """Return the files of a copy by the part of the data set they hold.

    A single file is all for training; in a folder the names tell, as in
    data/validation-00000-of-00001.parquet. What is kept for a final test is left alone.
    """
    if path.is_file():
        return {"train": [path]}
    files = {str(file): file for file in find_files([path], report=report)}
    parts = by_part(files, report=report)
    return {part: [files[name] for name in names] for part, names in parts.items()}


def by_part(names: Iterable[str], *, report: ReadReport) -> dict[str, list[str]]:
    """Return names of files or splits by the part they belong to: train or validation.

    Where a set has the same talks in several forms, only one is taken, and that is told.
    """
    parts: dict[str, list[str]] = {}
    taken = list(names)
    if any(PREFERRED in _words(name) for name in taken):
        for name in taken:
            if PREFERRED not in _words(name):
                report.notices.add("another form of the same data is not taken", Place(Path(name)))
        taken = [name for name in taken if PREFERRED in _words(name)]
    for name in taken:
        parts.setdefault(_part_of(name), []).append(name)
    parts.pop("test", None)
    return parts


def rows_of_mirror(files: list[Path], *, report: ReadReport) -> Iterator[Row]:
    """Yield the rows of the files of one part."""
    defaults = DataConfig.model_validate({})
    for file in files:
        yield from rows_of_file(file, config=defaults, report=report)


def _part_of(name: str) -> str:
    words = _words(name)
    if any(word in VALIDATION_NAMES for word in words):
        return "validation"
    return "test" if any(word in TEST_NAMES for word in words) else "train"


def _words(name: str) -> list[str]:
    return Path(name).name.lower().replace("-", "_").replace(".", "_").split("_")
