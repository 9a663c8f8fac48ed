"""Encoded text on disk: memory-mapped, one byte an id where that is enough.

Each position is a code. A code stands for a pair (id, counts in the loss?), listed in a
small table, so that a text of fewer than 256 such pairs takes one byte an id, mask
included, although its ids go beyond 255.
"""

import mmap
import zlib
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
import numpy.typing as npt

from lumina_cli.data.checkpoints import State
from lumina_cli.data.corpus.cache import file_digest, highest_code, size_of_file
from lumina_cli.data.corpus.progress import DamagedPartError
from lumina_cli.tokenizer.base import IdArray, Tokenizer
from lumina_cli.tokenizer.chat_format import MaskedIds
from lumina_cli.tokenizer.code_points import BLOCK

CODE_DTYPES = (np.dtype("<u1"), np.dtype("<u2"), np.dtype("<u4"))
_COPY_CODES = 1 << 20


@dataclass(frozen=True, eq=False)
class TokenDataset:
    """A stream of ids that lies on disk.

    Args:
        codes: shape (N,), usually a memory map.
        pairs: 2 · id + (1 if it counts in the loss), by code.
        tokenizer: tells what the ids mean.
    """

    codes: npt.NDArray[np.unsignedinteger]
    pairs: IdArray
    tokenizer: Tokenizer

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def num_chars(self) -> int:
        """About how many characters the ids stand for, special ids taken for text."""
        return round(len(self) * self.tokenizer.chars_per_id)

    def forget_pages(self) -> None:
        """Let go of what was read of the file so far: its pages count as memory of the process."""
        if isinstance(pages := self.codes.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            pages.madvise(mmap.MADV_DONTNEED)

    def slice(self, start: int, stop: int) -> MaskedIds:
        """Return ids and loss mask of the positions from `start` up to `stop`."""
        pairs = self.pairs[self.codes[start:stop]]
        return MaskedIds(pairs >> 1, (pairs & 1).astype(np.bool_))


def open_token_dataset(
    path: Path, *, tokenizer: Tokenizer, dtype: str, pairs: list[int], num_codes: int, digest: str
) -> TokenDataset:
    """Map the codes written to `path`; an empty file can't be mapped and is an array.

    Raises:
        ValueError: the file is not what was written, or has codes that stand for nothing.
    """
    num_bytes = size_of_file(path)
    if num_bytes != num_codes * np.dtype(dtype).itemsize:
        raise ValueError(f"{path} has {num_bytes} bytes, not those of {num_codes} codes")
    if file_digest(path) != digest:
        raise ValueError(f"{path} is damaged")
    if highest_code(path, dtype=dtype) >= len(pairs):
        raise ValueError(f"{path} has codes that stand for nothing")
    if num_bytes == 0:
        codes: npt.NDArray[np.unsignedinteger] = np.zeros(0, dtype=dtype)
    else:
        codes = np.memmap(path, dtype=dtype, mode="r")
    return TokenDataset(codes, np.array(pairs, dtype=np.int32), tokenizer)


class TokenDatasetWriter:
    """Writes ids to a file as codes, widening them when a byte is no longer enough.

    Args:
        path: the file, created or overwritten.
        vocab_size: ids are below it.
        begun: the `state` of a writer that wrote the beginning of the file.

    Raises:
        DamagedPartError: the file does not hold that beginning.
    """

    def __init__(self, path: Path, *, vocab_size: int, begun: State | None = None) -> None:
        self.path = path
        self._code_of_pair = np.full(2 * vocab_size, -1, dtype=np.int32)
        self.pairs: list[int] = begun["pairs"] if begun else []
        self.num_codes: int = begun["num_codes"] if begun else 0
        self.dtype = np.dtype(begun["dtype"]) if begun else CODE_DTYPES[0]
        self._check_sum: int = begun["check_sum"] if begun else 0
        self._code_of_pair[self.pairs] = np.arange(len(self.pairs))
        self._file: BinaryIO = self._reopened() if begun else path.open("wb")

    def state(self) -> State:
        """Return what another writer is given to go on here, for all that was written is there."""
        self._file.flush()
        return {
            "pairs": self.pairs,
            "num_codes": self.num_codes,
            "dtype": self.dtype.str,
            "check_sum": self._check_sum,
        }

    def _reopened(self) -> BinaryIO:
        """Open a file to go on with, once its beginning is found sound, and cut it behind that."""
        if not self.path.is_file():
            raise DamagedPartError
        file = self.path.open("r+b")
        left, check_sum = self.num_codes * self.dtype.itemsize, 0
        while chunk := file.read(min(left, _COPY_CODES)):
            check_sum, left = zlib.crc32(chunk, check_sum), left - len(chunk)
        if left or check_sum != self._check_sum:
            file.close()
            raise DamagedPartError
        file.truncate()
        return file

    def write(self, encoded: MaskedIds) -> None:
        """Append ids."""
        codes = self._codes_of(encoded)
        if codes is None:
            self._learn(encoded)
            codes = self._codes_of(encoded)
            assert codes is not None, "all are known"
        data = codes.tobytes()
        self._file.write(data)
        self._check_sum = zlib.crc32(data, self._check_sum)
        self.num_codes += len(codes)

    def _codes_of(self, encoded: MaskedIds) -> npt.NDArray[np.unsignedinteger] | None:
        """Return the codes of ids; None where one has none."""
        codes = np.empty(len(encoded.ids), dtype=self.dtype)
        for start in range(0, len(codes), BLOCK):
            part = slice(start, start + BLOCK)
            pairs = encoded.ids[part] * 2 + encoded.in_loss[part]
            found = self._code_of_pair.take(pairs)
            if found.min() < 0:
                return None
            codes[part] = found
        return codes

    def _learn(self, encoded: MaskedIds) -> None:
        """Give codes to the pairs that have none, in the order of the pairs."""
        pairs = np.unique(encoded.ids * 2 + encoded.in_loss)
        new_pairs = pairs[self._code_of_pair[pairs] < 0]
        self._code_of_pair[new_pairs] = np.arange(len(new_pairs)) + len(self.pairs)
        self.pairs += new_pairs.tolist()
        if len(self.pairs) > 1 << (8 * self.dtype.itemsize):
            self._widen(next(d for d in CODE_DTYPES if len(self.pairs) <= 1 << (8 * d.itemsize)))

    def _widen(self, dtype: np.dtype[np.unsignedinteger]) -> None:
        """Rewrite what is there with more bytes a code, through a file beside it."""
        self._file.close()
        self._check_sum = 0
        wider = self.path.with_name(f"{self.path.name}.wider")
        with self.path.open("rb") as narrow_file, wider.open("wb") as wide_file:
            while chunk := narrow_file.read(_COPY_CODES * self.dtype.itemsize):
                data = np.frombuffer(chunk, self.dtype).astype(dtype).tobytes()
                wide_file.write(data)
                self._check_sum = zlib.crc32(data, self._check_sum)
        wider.replace(self.path)
        self._file = self.path.open("ab")
        self.dtype = dtype

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
