"""What a tokenizer does: text to ids and back."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

IdArray = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]


class Tokenizer(Protocol):
    """Turns text into ids and back; `decode(encode(text)) == text` for every text."""

    @property
    def characters(self) -> str:
        """The characters that have an id of their own, in the order of their ids."""

    @property
    def vocab_size(self) -> int:
        """Number of ids."""

    def encode(self, text: str) -> list[int]:
        """Return the ids of `text`. Raises DataError for a lone surrogate."""

    def encode_array(self, text: str) -> IdArray:
        """Return the ids of `text` as an array. Raises DataError for a lone surrogate."""

    def encode_batch(self, texts: Sequence[str]) -> tuple[IdArray, Offsets]:
        """Return the ids of many texts side by side, and where each text begins in them.

        Returns:
            ids, shape (n,); beginnings, shape (len(texts) + 1,), the last one is n.

        Raises:
            DataError: a text holds a lone surrogate.
        """

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of `ids`; special ids are silent, broken UTF-8 becomes U+FFFD."""

    def extended(self, characters: str) -> "Tokenizer":
        """Return a tokenizer with ids for more characters, behind all others."""
