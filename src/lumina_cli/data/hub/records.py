"""What was downloaded whole, so that it is found again without the hub.

A record lies in lumina's cache folder: which files are the parts of a data set, and what the hub
listed of each. The files themselves stay in the library's own cache.
"""

from pathlib import Path
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from lumina_cli.data.hub.listing import Listed
from lumina_cli.io.atomic import write_atomically
from lumina_cli.io.folders.cache_folder import cache_folder
from lumina_cli.io.folders.private_folder import check_trusted, make_private_folder
from lumina_cli.io.regular_file import read_whole

MAX_BYTES = 1 << 24


class Record(BaseModel):
    """A data set of the hub whose files were all downloaded."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    repo: str
    asked_revision: str
    revision: str
    licence: str = Field(max_length=200)
    parts: dict[str, list[str]]
    listed: dict[str, Listed]


def save_record(record: Record) -> None:
    """Keep a record. Raises LuminaError or OSError where there is no room for it."""
    path = _path_of(record.repo)
    make_private_folder(path.parent)
    write_atomically(path, record.model_dump_json().encode())


def read_record(repo: str, *, revision: str) -> Record | None:
    """Return the record of a data set at a revision, or None where there is none to be had."""
    path = _path_of(repo)
    check_trusted(path.parent)
    try:
        record = Record.model_validate_json(read_whole(path, max_bytes=MAX_BYTES))
    except (OSError, ValueError):
        return None
    is_asked_for = revision in (record.asked_revision, record.revision)
    return record if is_asked_for and record.repo == repo else None


def _path_of(repo: str) -> Path:
    return cache_folder() / "hub" / f"{quote(repo, safe='')[:200]}.json"
