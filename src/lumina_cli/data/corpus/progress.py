"""How far the making of a corpus has come: kept beside its parts, so that it can go on.

Only what took long is kept, a part of `PART_BYTES` at a time. Each part is guarded by a check sum:
where one is damaged, or was read by another version, all begins anew.

    progress.json       what is done; its keys, in the order in which they come:
        documents, reading      bytes of documents that were read, and where reading goes on
        read                    that all are read, and how the split cuts them (train_chars)
        tokenizer               what they are encoded with
        encoding                how many batches of them are encoded, and in which codes
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lumina_cli.data.checkpoints import State
from lumina_cli.data.corpus.cache import READER, file_digest, read_guarded, write_description
from lumina_cli.data.corpus.split import Lengths
from lumina_cli.io.folders.cache_folder import PROGRESS
from lumina_cli.io.folders.owned_folder import MARKER
from lumina_cli.tokenizer.code_points import NUM_CODE_POINTS, Counts

TRAIN_CHARS = "train_chars"

VERSION = [READER, 1]
"""Raise the second number when something else is written here."""

PART_BYTES = 1 << 26
"""Takes a second of plain text, and three of short rows: less is not worth keeping."""

_TIMES_AS_LONG = 64
"""A part is so many times as long as what is written down of it, which names each file."""


class DamagedPartError(Exception):
    """What an earlier process left is not what it wrote."""


class Progress:
    """How far the building in a folder has come.

    Args:
        folder: in which a corpus is being made.
        is_new: whether to begin anew, whatever lies there.
    """

    def __init__(self, folder: Path, *, is_new: bool = False) -> None:
        self.folder = folder
        self._path = folder / PROGRESS
        self.done: dict[str, Any] = {} if is_new else self._found()
        self.was_begun = bool(self.done)
        self.part_bytes = PART_BYTES
        if not self.was_begun:
            self.clear()

    @property
    def is_read(self) -> bool:
        """Whether all documents are read, and kept for an encoding that may be interrupted."""
        return "read" in self.done

    @property
    def is_encoding(self) -> bool:
        return "encoding" in self.done

    def save(self, **done: Any) -> None:
        """Write down what is done; all that belongs to it was written before."""
        self.done |= done
        beside = self._path.with_suffix(".new")
        write_description(beside, {"version": VERSION, **self.done})
        self.part_bytes = max(PART_BYTES, _TIMES_AS_LONG * beside.stat().st_size)
        beside.replace(self._path)

    def clear(self) -> None:
        """Remove what a building left, or needs no more, but for what is encoded."""
        for path in self.folder.iterdir():
            if path.suffix != ".bin" and path.name != MARKER:
                path.unlink()

    def _found(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = read_guarded(self._path)
        except (OSError, ValueError):
            return {}
        is_ours = type(found) is dict and found.pop("version", None) == VERSION
        return found if is_ours else {}


@dataclass(frozen=True, eq=False)
class ReadText:
    """What is known of the documents once all are read.

    Args:
        counts: of their characters.
        train_chars: how many leading characters of each are for training.
        num_cut: how many are cut in two.
    """

    counts: Counts
    train_chars: Lengths
    num_cut: int

    def to_json(self, *, folder: Path) -> State:
        """Return it as JSON can hold it, the longest part in a file of its own."""
        path = folder / TRAIN_CHARS
        self.train_chars.astype("<i8").tofile(path)
        points = np.flatnonzero(self.counts)
        return {
            "points": points.tolist(),
            "counts": self.counts[points].tolist(),
            "num_cut": self.num_cut,
            "digest": file_digest(path),
        }

    @classmethod
    def from_json(cls, values: State, *, folder: Path) -> "ReadText":
        """Return what `to_json` was given. Raises DamagedPartError."""
        path = folder / TRAIN_CHARS
        if not path.is_file() or file_digest(path) != values["digest"]:
            raise DamagedPartError
        counts = np.zeros(NUM_CODE_POINTS, dtype=np.int64)
        counts[values["points"]] = values["counts"]
        train_chars = np.fromfile(path, dtype="<i8").astype(np.int64)
        return cls(counts, train_chars, values["num_cut"])
