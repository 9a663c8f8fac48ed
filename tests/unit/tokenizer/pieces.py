"""A second tokenizer: characters, and pieces of several characters, the longest first.

It stands for whatever comes after characters: what works with it knows no kind.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from lumina_cli.errors import DataError
from lumina_cli.tokenizer.base import IdArray, IdMask, Offsets, Tokenizer
from lumina_cli.tokenizer.bpe_table import BpeTable
from lumina_cli.tokenizer.code_points import Counts, code_points, frequent_characters
from lumina_cli.tokenizer.special_ids import FIRST_BYTE, FIRST_CHARACTER, Special
from lumina_cli.tokenizer.stream_decoder import StreamDecoder, utf8_mask

NUM_PIECES = 30


class PieceTokenizer:
    """Ids for characters, for pieces, and for characters that were added later, in this order."""

    kind: ClassVar[str] = "pieces"
    chars_per_id = 1.5
    max_ids_per_char = 4

    def __init__(self, characters: str, pieces: Sequence[str], added: str = "") -> None:
        code_points(characters + added)
        if set(added) & set(characters) or len(set(added)) < len(added):
            raise DataError("a character stands twice")
        self.characters, self.pieces, self.added = characters, tuple(pieces), added
        self.texts = (*characters, *self.pieces, *added)
        self.max_chars_per_id = max(map(len, self.texts), default=1)

    @classmethod
    def train(
        cls, texts: Iterable[str], *, counts: Counts, min_count: int, vocab_size: int
    ) -> Self:
        """Take the pairs and the threes of characters that stand in the texts most often."""
        text = "\n".join(texts)
        pairs = Counter("".join(pair) for pair in pairwise(text))
        threes = Counter("".join(three) for three in zip(text, text[1:], text[2:], strict=False))
        pieces = [piece for piece, _ in (pairs + threes).most_common(NUM_PIECES)]
        return cls(frequent_characters(counts, min_count=min_count), pieces)

    @property
    def vocab_size(self) -> int:
        return FIRST_CHARACTER + len(self.texts)

    @cached_property
    def ids(self) -> dict[str, int]:
        return {text: id_ for id_, text in enumerate(self.texts, FIRST_CHARACTER)}

    @property
    def character_ids(self) -> Mapping[str, int]:
        return {text: id_ for text, id_ in self.ids.items() if len(text) == 1}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PieceTokenizer) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]

    def encode(self, text: str) -> list[int]:
        code_points(text)  # refuses half a character
        longest_first = sorted(self.pieces, key=len, reverse=True)
        found = re.findall("|".join([*map(re.escape, longest_first), "."]), text, re.DOTALL)
        ids: list[int] = []
        for piece in found:
            known = self.ids.get(piece)
            ids += [known] if known else [FIRST_BYTE + byte for byte in piece.encode()]
        return ids

    def encode_batch(self, texts: Sequence[str]) -> tuple[IdArray, Offsets]:
        encoded = [self.encode(text) for text in texts]
        begins = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
        return np.array([id_ for ids in encoded for id_ in ids], dtype=np.int32), begins

    def decode(self, ids: Iterable[int]) -> str:
        decoder = self.stream_decoder()
        return "".join(map(decoder.decode, ids)) + decoder.flush()

    def stream_decoder(self) -> StreamDecoder:
        return StreamDecoder(self.texts)

    def without_open_end(self, ids: Sequence[int]) -> tuple[list[int], str]:
        text = self.decode(ids[-1:]) if ids and ids[-1] >= FIRST_CHARACTER else ""
        is_open = any(each != text and each.startswith(text) for each in self.texts)
        return (list(ids[:-1]), text) if text and is_open else (list(ids), "")

    def ways_on(self, text: str) -> list[list[int]]:
        texts = enumerate(self.texts, FIRST_CHARACTER)
        return [[id_] for id_, each in texts if each.startswith(text)]

    def next_id_mask(self) -> IdMask:
        return utf8_mask(self.vocab_size)

    def bpe_table(self) -> BpeTable:
        """The longest piece is taken first here, which is no merging."""
        raise NotImplementedError

    def describe(self, id_: int) -> str:
        if id_ < FIRST_BYTE:
            return Special(id_).tag
        if id_ < FIRST_CHARACTER:
            return f"<{id_ - FIRST_BYTE:02X}>"
        return self.texts[id_ - FIRST_CHARACTER]

    def num_chars(self, ids: npt.NDArray[np.integer]) -> int:
        lengths = [0] * FIRST_BYTE + [1] * 0x80 + [0] * 0x40 + [1] * 0x40
        return sum(
            lengths[id_] if id_ < FIRST_CHARACTER else len(self.texts[id_ - FIRST_CHARACTER])
            for id_ in ids.tolist()
        )

    def extended(self, characters: str) -> Self:
        return type(self)(self.characters, self.pieces, self.added + characters)

    def truncated(self, vocab_size: int) -> Self:
        num_added = len(self.added) - (self.vocab_size - vocab_size)
        return type(self)(self.characters, self.pieces, self.added[:num_added])

    def added_characters(self, vocab_size: int) -> str:
        return self.added[len(self.added) - (self.vocab_size - vocab_size) :]

    def extends(self, other: Tokenizer) -> bool:
        is_of_kind = isinstance(other, PieceTokenizer)
        return is_of_kind and self.truncated(min(self.vocab_size, other.vocab_size)) == other

    @property
    def fingerprint(self) -> str:
        return repr(self.to_json())

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "version": 1,
            "characters": self.characters,
            "pieces": list(self.pieces),
            "added": self.added,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        return cls(stored["characters"], stored["pieces"], stored["added"])
