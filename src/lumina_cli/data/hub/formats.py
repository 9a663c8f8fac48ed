"""Which files of a data set are taken: those that our own readers read in bounded memory.

The library of the hub would unpack archives and read tables of other kinds too, with no bound to
what they unpack to.
"""

from collections.abc import Iterable
from pathlib import PurePosixPath

from lumina_cli.errors import HubError
from lumina_cli.io.terminal_text import one_line

BUILDERS = ("csv", "json", "parquet", "text")
"""What the library calls the kinds of files that are read."""

_READ = frozenset(
    (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".geoparquet", ".gpq", ".txt")
)
_PACKED = frozenset((".zip", ".tar", ".tgz", ".7z", ".rar", ".bz2", ".xz", ".zst", ".lz4"))
CONVERTED = "refs/convert/parquet"
"""The branch in which the hub itself keeps a data set as Parquet."""


def refuse_unread(repo: str, names: Iterable[str]) -> None:
    """Raise HubError where no file of a data set can be one that is read."""
    listed = list(names)
    others = [name for name in listed if set(_suffixes(name)) - {".md"}]
    if others and not any(_READ & set(_suffixes(name)) for name in listed):
        raise unread(repo, others[0])


def refuse_packed(repo: str, names: Iterable[str]) -> None:
    """Raise HubError where a file of a data set lies in an archive."""
    for name in names:
        if _PACKED & set(_suffixes(name)[-1:]):
            raise unread(repo, name)


def unread(repo: str, name: str) -> HubError:
    """Return the error of a data set in files of another kind, and the ways on."""
    return HubError(
        f"{repo} has its data in files that lumina does not read, as in "
        f"{one_line(name, max_chars=100)}",
        hint=f"Most data sets are there as Parquet too: lumina data fetch {repo} --revision "
        f"{CONVERTED}. Or unpack it yourself, as JSON lines, CSV or text, and name the folder: "
        "--from PATH",
    )


def _suffixes(name: str) -> list[str]:
    return [suffix.lower() for suffix in PurePosixPath(name).suffixes]
