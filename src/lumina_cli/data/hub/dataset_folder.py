"""The folder of a fetched data set: its parts as JSON lines, and a manifest of what they are.

    oasst1_data/train.jsonl  validation.jsonl  dataset.json

Written under another name and renamed, so that it is there whole or not at all.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lumina_cli.data.rows import Record
from lumina_cli.errors import DataError, OutputError, StorageError
from lumina_cli.io.regular_file import open_regular, read_whole

MANIFEST = "dataset.json"


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
        staging = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise OutputError(
            f"{path} can't be created: {error.strerror}", hint="Choose another folder with --out."
        ) from error
    try:
        writer = FolderWriter(staging, manifest=manifest)
        yield writer
        writer.finish()
        _replace(staging, path)
    except OSError as error:
        raise StorageError(f"{path} can't be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


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


def refuse_other_files(path: Path) -> None:
    """Raise OutputError for a folder with files that were not fetched, which are never replaced."""
    if not path.exists() and not path.is_symlink():
        return
    manifest = read_manifest(path) or {"files": {}}
    ours = {MANIFEST, *manifest["files"]}
    if not path.is_dir() or any(file.name not in ours for file in path.iterdir()):
        raise OutputError(
            f"{path} is there already, with other files in it",
            hint="Choose another folder: --out DIR",
        )


def _as_line(row: Record, *, number: int, part: str) -> bytes:
    try:
        text = json.dumps(row, ensure_ascii=False)
    except RecursionError:
        raise DataError(
            f"row {number:,} of {part} is nested too deep to be written",
            hint="Text that is read has no such rows; leave it out of a copy, and use --from COPY.",
        ) from None
    return f"{text}\n".encode(errors="replace")


def _replace(staging: Path, path: Path) -> None:
    staging.chmod(0o755)
    if path.is_dir():
        old = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent))
        try:
            path.replace(old / path.name)
            staging.replace(path)
        except OSError:
            with suppress(OSError):  # it was not moved, or another has taken the place
                (old / path.name).replace(path)
            with suppress(OSError):  # never with anything in it
                old.rmdir()
            raise
        shutil.rmtree(old, ignore_errors=True)
    else:
        staging.replace(path)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            _sync(folder)
        finally:
            os.close(folder)


def _sync(descriptor: int) -> None:
    """Have the disk keep it before anything relies on it."""
    os.fsync(descriptor)
