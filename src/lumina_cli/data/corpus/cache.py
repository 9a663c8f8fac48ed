"""What lies in an entry of the cache beside the encoded text, checked before it is believed.

The description guards itself and the two files by digests: nothing that was damaged, cut or
zeroed is ever trained on. Whoever can write there can make new digests, so that numbers are
compared with each other, too.
"""

import hashlib
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from lumina_cli.io.regular_file import read_whole

DESCRIPTION = "corpus.json"
READER = 8
"""Raise it when the same files begin to read differently: entries of before are made anew."""

MOST_BYTES = 100_000_000
"""Of a description: a vocabulary, and what was met when the text was read."""

WHOLE_BYTES = 2_000_000_000
"""A larger file is known by evenly spread parts of it: to read all of it would take seconds."""

_NUM_PARTS, _PART_BYTES = 1_000, 1 << 20

Count = Annotated[int, Field(ge=-(2**31), lt=2**53)]
"""A corpus of one text that is cut counts it on one side, which leaves less than none."""


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Counts(_Stored):
    """How much text a side holds."""

    conversations: Count
    texts: Count
    chars: Count


class Side(_Stored):
    """How one side is encoded; see `TokenDataset` for codes and pairs."""

    dtype: Literal["|u1", "<u2", "<u4"]
    pairs: list[Annotated[int, Field(ge=0, lt=2**18)]]
    num_codes: Annotated[int, Field(ge=0, lt=2**48)]
    digest: str
    counts: Counts


class Description(_Stored):
    """What opens an entry."""

    tokenizer: dict[str, Any]
    newcomers: dict[str, Annotated[int, Field(ge=0, lt=2**53)]]
    sides: Annotated[list[Side], Field(min_length=2, max_length=2)]
    remarks: list[str]
    shapes: list[str]
    reader: Annotated[int, Field(ge=READER, le=READER)]


def write_description(path: Path, description: dict[str, Any]) -> None:
    """Write what describes an entry, or a part of one, and the digest of that."""
    text = json.dumps(description)
    digest = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(f'{{"digest": "{digest}", "description": {text}}}', encoding="utf-8")


def read_description(folder: Path) -> Description:
    """Return what describes an entry. Raises as `read_guarded` does."""
    return Description.model_validate(read_guarded(folder / DESCRIPTION))


def read_guarded(path: Path) -> Any:
    """Return what `write_description` wrote.

    Raises:
        OSError: it can't be read.
        ValueError: it is damaged, or of an older version, which had no digest.
    """
    try:
        content = json.loads(read_whole(path, max_bytes=MOST_BYTES))
    except RecursionError as error:
        raise ValueError(f"{path} is too deep") from error
    if type(content) is not dict or content.keys() != {"digest", "description"}:
        raise ValueError(f"{path} describes no encoded text")
    text = json.dumps(content["description"])
    if content["digest"] != hashlib.sha256(text.encode()).hexdigest():
        raise ValueError(f"{path} is damaged")
    return content["description"]


def size_of_file(path: Path) -> int:
    """Return how many bytes a file has. Raises ValueError for what might never end, or begin."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path} is not a file")
    return status.st_size


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file and its length; see `WHOLE_BYTES` for a large one."""
    sha = hashlib.sha256()
    size = size_of_file(path)
    with path.open("rb") as file:
        for start in _starts(size):
            file.seek(start)
            sha.update(file.read(_PART_BYTES))
    sha.update(f"\n{size}".encode())
    return sha.hexdigest()


def highest_code(path: Path, *, dtype: str) -> int:
    """Return the largest number in a file of them; -1 where there is none.

    It is read and not mapped: pages of a map count as memory of the process.
    """
    highest = -1
    with path.open("rb") as file:
        while part := file.read(_PART_BYTES):
            highest = max(highest, int(np.frombuffer(part, dtype=dtype).max()))
    return highest


def _starts(size: int) -> Iterator[int]:
    """Yield where the parts begin that are read of so many bytes."""
    if size <= WHOLE_BYTES:
        yield from range(0, size, _PART_BYTES)
        return
    for number in range(_NUM_PARTS):
        yield (size - _PART_BYTES) * number // (_NUM_PARTS - 1)
