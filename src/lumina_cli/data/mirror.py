"""A data set from a local copy: what is in which part, and its rows."""

from collections.abc import Iterator
from pathlib import Path

from lumina_cli.data.config import DataConfig
from lumina_cli.data.files import rows_of_file
from lumina_cli.data.json_rows import Row
from lumina_cli.data.report import ReadReport
from lumina_cli.data.sources import find_files

VALIDATION_NAMES = ("validation", "valid", "val", "dev", "eval")
TEST_NAMES = ("test",)


def parts_of_mirror(path: Path, *, report: ReadReport) -> dict[str, list[Path]]:
    """Return the files of a copy by the part of the data set they hold.

    A single file is all for training; in a folder the names tell, as in
    data/validation-00000-of-00001.parquet. What is kept for a final test is left alone.
    """
    if path.is_file():
        return {"train": [path]}
    parts: dict[str, list[Path]] = {}
    for file in find_files([path], report=report):
        parts.setdefault(_part_of(file), []).append(file)
    parts.pop("test", None)
    return parts


def rows_of_mirror(files: list[Path], *, report: ReadReport) -> Iterator[Row]:
    """Yield the rows of the files of one part."""
    defaults = DataConfig.model_validate({})
    for file in files:
        yield from rows_of_file(file, config=defaults, report=report)


def _part_of(file: Path) -> str:
    words = file.name.lower().replace("-", "_").replace(".", "_").split("_")
    if any(word in VALIDATION_NAMES for word in words):
        return "validation"
    return "test" if any(word in TEST_NAMES for word in words) else "train"
