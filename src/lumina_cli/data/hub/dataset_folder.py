"""The folder of a fetched data set: its parts as JSON lines, and a manifest of what they are.

    oasst1_data/train.jsonl  validation.jsonl  dataset.json

Written under another name and renamed, so that it is there whole or not at all.
"""

import errno
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lumina_cli.data.rows import Record
from lumina_cli.errors import DataError, OutputError, StorageError
from lumina_cli.io.atomic import sync_rename
from lumina_cli.io.regular_file import open_regular, read_whole
from lumina_cli.io.staging import NEW, OLD, discard, staging_folder

MANIFEST = "dataset.json"
TRIES, LOOKS = 50, 5
"""To put a folder where others put theirs."""
TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)


@dataclass(slots=True)
class Manifest:
    """Where a data set comes from and what its files hold."""

    name: str
    source: str
    revision: str
    licence: str
    rows: dict[str, int] = field(default_factory=dict)
    languages: Counter[str] = field(default_factory=Counter)
    roles: Counter[str] = field(default_factory=Counter)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values, the most frequent first."""
        return {
            "name": self.name,
            "source": self.source,
            "revision": self.revision,
            "licence": self.licence,
            "rows": self.rows,
            "languages": dict(self.languages.most_common()),
            "roles": dict(self.roles.most_common()),
            "files": self.files,
        }


class FolderWriter:
    """Writes the parts of a data set into a temporary folder."""

    def __init__(self, folder: Path, *, manifest: Manifest) -> None:
        self._folder = folder
        self._manifest = manifest

    def write_part(self, name: str, rows: Iterable[Record]) -> Iterator[int]:
        """Write a part; yield the number of rows done after each."""
        digest = hashlib.sha256()
        number = num_bytes = 0
        with (self._folder / f"{name}.jsonl").open("wb") as file:
            for number, row in enumerate(rows, start=1):
                line = _as_line(row, number=number, part=name)
                file.write(line)
                digest.update(line)
                num_bytes += len(line)
                self._count(row)
                yield number
            _sync(file.fileno())
        self._manifest.rows[name] = number
        self._manifest.files[f"{name}.jsonl"] = {"bytes": num_bytes, "sha256": digest.hexdigest()}

    def finish(self) -> None:
        """Write the manifest: from now on the folder is whole."""
        with (self._folder / MANIFEST).open("w", encoding="utf-8", newline="\n") as file:
            json.dump(self._manifest.as_json(), file, ensure_ascii=False, indent=2)
            file.write("\n")
            file.flush()
            _sync(file.fileno())

    def _count(self, row: Record) -> None:
        for column, counter in (("lang", self._manifest.languages), ("role", self._manifest.roles)):
            if isinstance(value := row.get(column), str):
                counter[value] += 1


@contextmanager
def new_folder(path: Path, *, manifest: Manifest) -> Iterator[FolderWriter]:
    """Give a writer for a folder that replaces `path` once all is written.

    Raises:
        OutputError: something else has that name, or it can't be written to.
        StorageError: the disk is full or fails.
    """
    refuse_other_files(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{path} can't be created: {error.strerror}", hint="Choose another folder with --out."
        ) from error
    try:
        with staging_folder(path, is_ours=_is_fetched) as folder:
            new = folder / NEW
            new.mkdir()  # with the rights that the user's other folders have
            writer = FolderWriter(new, manifest=manifest)
            yield writer
            writer.finish()
            _put_in_place(new, path, aside=folder / OLD)
    except OSError as error:
        raise StorageError(f"{path} can't be written: {error.strerror or error}") from error
    sync_rename(path)


def read_manifest(path: Path) -> Mapping[str, Any] | None:
    """Return the manifest of a folder, or None where there is none that can be read."""
    try:
        manifest = json.loads(read_whole(path / MANIFEST))
    except (OSError, ValueError, RecursionError):
        return None
    files = manifest.get("files") if isinstance(manifest, dict) else None
    return manifest if isinstance(files, dict) and isinstance(manifest.get("rows"), dict) else None


def verify(path: Path, manifest: Mapping[str, Any]) -> None:
    """Compare the files of a folder with its manifest.

    Raises:
        DataError: one is missing or not what was fetched.
    """
    for name, expected in manifest["files"].items():
        try:
            with open_regular(path / Path(name).name) as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            found = ""
        if not isinstance(expected, dict) or found != expected.get("sha256"):
            what = "is not what was fetched (its SHA-256 differs)" if found else "is missing"
            raise DataError(f"{path / name} {what}", hint="Fetch it anew: add --force.")


def refuse_other_files(path: Path, *, name: Path | None = None) -> None:
    """Raise OutputError for a folder with files that were not fetched, which are never replaced.

    `name` is what the error calls it.
    """
    if all(_other_files(path) for _ in range(LOOKS)):
        raise OutputError(
            f"{name or path} is there already, with other files in it",
            hint="Choose another folder: --out DIR",
        )


def refuse_unwritable(path: Path) -> None:
    """Raise OutputError where a folder can't be made: it is told before anything is downloaded."""
    standing = next(folder for folder in path.absolute().parents if folder.exists())
    if not os.access(standing, os.W_OK):
        raise OutputError(
            f"{path} can't be created: {standing} can't be written to",
            hint="Choose another folder with --out.",
        )


def _other_files(path: Path) -> set[str]:
    """Return what in a folder was not fetched, or the name itself where no folder stands there.

    Another fetch may put its folder there between two looks: only what is seen again and again
    is there.
    """
    manifest = read_manifest(path) or {"files": {}}
    try:
        return {file.name for file in path.iterdir()} - {MANIFEST, *manifest["files"]}
    except FileNotFoundError:
        return {path.name} if path.is_symlink() else set()
    except OSError:  # it is no folder, or a closed one
        return {path.name} if os.path.lexists(path) else set()


def _is_fetched(path: Path) -> bool:
    return not _other_files(path)


def _as_line(row: Record, *, number: int, part: str) -> bytes:
    try:
        text = json.dumps(row, ensure_ascii=False)
    except RecursionError:
        raise DataError(
            f"row {number:,} of {part} is nested too deep to be written",
            hint="Text that is read has no such rows; leave it out of a copy, and use --from COPY.",
        ) from None
    return f"{text}\n".encode(errors="replace")


def _put_in_place(staging: Path, path: Path, *, aside: Path) -> None:
    """Rename a folder to `path`; one that was fetched before, also meanwhile, goes.

    Raises:
        OutputError: something else has come to stand there meanwhile; it still does.
        StorageError: it could not be put back; the error says where it is.
        OSError: what stood there still does.
    """
    for _ in range(TRIES):
        is_moved = _move_aside(path, aside=aside)
        try:
            staging.rename(path)
        except OSError as error:
            if error.errno not in TAKEN:
                if is_moved:
                    _put_back(aside, path)
                raise
            discard(aside)  # another fetch has brought a newer one
        else:
            discard(aside)
            return
    raise OSError(errno.EBUSY, "others fetch into it all the time")


def _move_aside(path: Path, *, aside: Path) -> bool:
    """Move what stands at `path` away if it was fetched; return whether there was anything."""
    try:
        path.rename(aside)
    except FileNotFoundError:
        return False
    try:
        refuse_other_files(aside, name=path)
    except OutputError:
        _put_back(aside, path)
        raise
    return True


def _put_back(aside: Path, path: Path) -> None:
    try:
        aside.rename(path)
    except OSError as error:
        raise StorageError(
            f"{path} was taken by another program; what stood there is now in {aside}"
        ) from error


def _sync(descriptor: int) -> None:
    """Have the disk keep it before anything relies on it."""
    os.fsync(descriptor)
