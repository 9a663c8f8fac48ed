"""What the hub says of a data set: its files by part, and what each should be."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from lumina_cli.errors import HubError
from lumina_cli.io.terminal_text import one_line


@dataclass(frozen=True, slots=True)
class Listed:
    """What the hub says of a file; empty or None where it does not."""

    size: int | None = None
    sha256: str = ""
    git_sha1: str = ""


def listed_files(info: Any) -> dict[str, Listed]:
    """Return what the hub says of each file of a data set."""
    listed = {}
    for each in info.siblings or ():
        lfs = each.lfs
        sha256 = str(lfs.sha256) if lfs else ""
        size = each.size if isinstance(each.size, int) and each.size >= 0 else None
        listed[str(each.rfilename)] = Listed(size, sha256, "" if lfs else str(each.blob_id or ""))
    return listed


def commit_of(info: Any) -> str:
    """Return the exact revision of a data set.

    Raises:
        HubError: it is no name of a revision.
    """
    if not isinstance(info.sha, str) or not re.fullmatch(r"[0-9A-Za-z]{1,64}", info.sha):
        raise HubError(f"the hub names no revision, but {one_line(repr(info.sha), max_chars=100)}")
    return info.sha


def licence_of(info: Any) -> str:
    """Return the licence of a data set as its card tells it, on a line."""
    told = (info.card_data.get("license") if info.card_data else "") or ""
    words = told if isinstance(told, list) else [told]
    return one_line(", ".join(map(str, words)), max_chars=200)


def files_of_parts(data_files: Mapping[str, Iterable[str]], *, repo: str) -> dict[str, list[str]]:
    """Return the names of the files of each part, as the library found them.

    Raises:
        HubError: one of them is no file of this data set: what describes a data set may name any
            place on this machine or in the network.
    """
    begins = re.compile(rf"hf://datasets/{re.escape(repo)}@[^/]+/(.+)", re.IGNORECASE)
    parts: dict[str, list[str]] = {}
    for part, places in data_files.items():
        for place in map(str, places):
            packed, hop, last = place.rpartition("::")
            found = begins.fullmatch(last)
            if not found or (hop and not re.fullmatch(r"zip://[^:]*", packed)):
                raise HubError(
                    f"{repo} names data that is not its own: {one_line(place, max_chars=200)}",
                    hint="Download that data yourself, and give its folder: --from PATH",
                )
            parts.setdefault(str(part), []).append(_safe_name(unquote(found.group(1)), repo=repo))
    return parts


def is_as_listed(path: Path, listed: Listed) -> bool:
    size = path.stat().st_size
    if listed.size is not None and size != listed.size:
        return False
    expected = listed.sha256 or listed.git_sha1
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", expected):
        return True
    digest = hashlib.sha256() if listed.sha256 else hashlib.sha1(b"blob %d\0" % size)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest() == expected


def _safe_name(name: str, *, repo: str) -> str:
    """Return the name of a file that lies within the data set, whatever system this is."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or re.search(r"[\\:\x00-\x1f\x7f]", name):
        raise HubError(f"{repo} has a file with an impossible name: {one_line(name)}")
    return name
