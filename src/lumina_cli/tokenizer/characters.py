"""The tokenizer of characters: behind special ids and bytes, one id for each known character.

A character without an id of its own is spelled in its UTF-8 bytes, so that
`decode(encode(text)) == text` for every text. Text never becomes a special id,
whatever it holds: `"<|end|>"` typed by a person is seven ordinary characters.

A lone surrogate (half of a UTF-16 pair, as broken JSON can hold) is not a character and
has no UTF-8 form. It is refused with its position rather than written as bytes that no
terminal or file could take back.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from lumina_cli.errors import DataError
from lumina_cli.tokenizer.base import IdArray, IdMask, NewerTokenizerError, Offsets, Tokenizer
from lumina_cli.tokenizer.bpe_table import BpeTable
from lumina_cli.tokenizer.code_points import (
    CodePoints,
    Counts,
    code_points,
    frequent_characters,
    take_in_blocks,
)
from lumina_cli.tokenizer.special_ids import (
    CONTINUATION_IDS,
    FIRST_BYTE,
    FIRST_CHARACTER,
    MAX_VOCAB_SIZE,
    Special,
)
from lumina_cli.tokenizer.stream_decoder import StreamDecoder, utf8_mask

VERSION = 1
"""Of the form in which it is stored."""


class CharacterTokenizer:
    """An id for each character.

    Args:
        characters: those that have an id of their own, in the order of their ids, each once.
            A corpus gives them by code point; characters that fine-tuning adds come after,
            so that no id ever changes its meaning.

    Raises:
        DataError: a character stands twice, is a lone surrogate, or there are too many.
    """

    kind: ClassVar[str] = "characters"
    chars_per_id = 1.0
    max_chars_per_id = 1
    max_ids_per_char = 4

    def __init__(self, characters: str) -> None:
        if len(set(characters)) != len(characters):
            raise DataError("the vocabulary holds a character twice")
        if len(characters) > MAX_VOCAB_SIZE - FIRST_CHARACTER:
            raise DataError(f"the vocabulary holds more than {MAX_VOCAB_SIZE:,} ids")
        code_points(characters)
        self.characters = characters

    @classmethod
    def train(
        cls, _: Iterable[str], *, counts: Counts, min_count: int, vocab_size: int = 0
    ) -> Self:
        """Return the tokenizer of a corpus: see `Tokenizer.train`."""
        return cls(frequent_characters(counts, min_count=min_count))

    @property
    def vocab_size(self) -> int:
        """Number of ids."""
        return FIRST_CHARACTER + len(self.characters)

    @cached_property
    def character_ids(self) -> Mapping[str, int]:
        """The characters and their ids."""
        return {c: id_ for id_, c in enumerate(self.characters, FIRST_CHARACTER)}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CharacterTokenizer) and self.characters == other.characters

    __hash__ = None  # type: ignore[assignment]  # compared by content, never a key

    def encode(self, text: str) -> list[int]:
        """Return the ids of `text`. Raises DataError for a lone surrogate."""
        ids, _ = self.encode_batch([text])
        return ids.tolist()  # type: ignore[no-any-return]

    def encode_batch(self, texts: Sequence[str]) -> tuple[IdArray, Offsets]:
        """Return the ids of many texts side by side, and where each text begins in them.

        One gather for all: a NumPy call costs as much as the ids of a hundred characters.

        Returns:
            ids, shape (n,); beginnings, shape (len(texts) + 1,), the last one is n.

        Raises:
            DataError: a text holds a lone surrogate.
        """
        points = code_points("".join(texts))
        begins = np.zeros(len(texts) + 1, dtype=np.int64)
        np.cumsum(list(map(len, texts)), out=begins[1:])
        ids = take_in_blocks(self._id_of_code_point, points)
        unknown = np.flatnonzero(ids < 0)
        if not len(unknown):
            return ids, begins
        spelled, num_ids = _spell(points[unknown])
        num_ids_of_all = np.ones(len(ids), dtype=np.int64)
        num_ids_of_all[unknown] = num_ids
        ids = np.repeat(ids, num_ids_of_all)
        ids[ids < 0] = spelled
        num_more = np.concatenate(([0], np.cumsum(num_ids - 1)))
        return ids, begins + num_more[np.searchsorted(unknown, begins)]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of `ids`; special ids are silent, broken UTF-8 becomes U+FFFD."""
        decoder = self.stream_decoder()
        return "".join(map(decoder.decode, ids)) + decoder.flush()

    def stream_decoder(self) -> StreamDecoder:
        """Return what turns ids into text as they come."""
        return StreamDecoder(self.characters)

    def without_open_end(self, ids: Sequence[int]) -> tuple[list[int], str]:
        """Return the ids: nothing longer begins with a character."""
        return list(ids), ""

    def ways_on(self, text: str) -> list[list[int]]:
        """Return the ids of the text: there is no other way."""
        return [self.encode(text)]

    def next_id_mask(self) -> IdMask:
        """Return which ids may come next in each state of a decoder, (states, vocab_size)."""
        return utf8_mask(self.vocab_size)

    def bpe_table(self) -> BpeTable:
        """Return what another program needs to encode as this one does: there are no merges."""
        return BpeTable(tuple(self.characters))

    def describe(self, id_: int) -> str:
        """Return how an id is shown to a person."""
        if id_ < FIRST_BYTE:
            return Special(id_).tag
        if id_ < FIRST_CHARACTER:
            return f"<{id_ - FIRST_BYTE:02X}>"
        return self.characters[id_ - FIRST_CHARACTER]

    def num_chars(self, ids: npt.NDArray[np.integer]) -> int:
        """Return how many characters ids stand for: those of special ids are none."""
        low, high = CONTINUATION_IDS.start, CONTINUATION_IDS.stop
        return int(((ids >= FIRST_BYTE) & ((ids < low) | (ids >= high))).sum())

    def extended(self, characters: str) -> Self:
        """Return a tokenizer with ids for more characters, behind all others."""
        return type(self)(self.characters + characters)

    def truncated(self, vocab_size: int) -> Self:
        """Return this tokenizer as it was with fewer ids."""
        return type(self)(self.characters[: vocab_size - FIRST_CHARACTER])

    def added_characters(self, vocab_size: int) -> str:
        """Return the characters by which it was extended since it had `vocab_size` ids."""
        return self.characters[vocab_size - FIRST_CHARACTER :]

    def extends(self, other: Tokenizer) -> bool:
        """Return whether each id of `other` means the same here."""
        return isinstance(other, CharacterTokenizer) and self.characters.startswith(
            other.characters
        )

    @property
    def fingerprint(self) -> str:
        """The characters: it names the caches of older versions, too, and so their runs go on."""
        return self.characters

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"kind": self.kind, "version": VERSION, "characters": self.characters}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return the tokenizer of `to_json`: see `Tokenizer.from_json`."""
        characters = stored.get("characters")
        if (version := stored.get("version")) != VERSION:
            known = f"tokenizers {cls.kind!r} of version {VERSION}"
            raise NewerTokenizerError(f"this one reads {known}, not {version!r}")
        if not isinstance(characters, str):
            raise DataError("there are no characters")
        return cls(characters)

    @cached_property
    def _id_of_code_point(self) -> IdArray:
        """Id by code point, -1 for none; the last entry stands for all that lie beyond it."""
        points = code_points(self.characters)
        table = np.full(int(points.max(initial=0)) + 2, -1, dtype=np.int32)
        table[points] = np.arange(FIRST_CHARACTER, self.vocab_size, dtype=np.int32)
        return table


def _spell(points: CodePoints) -> tuple[IdArray, Offsets]:
    """Return the ids of the UTF-8 bytes of characters, and how many each character takes."""
    utf8 = points.astype("<u4").tobytes().decode("utf-32-le").encode()
    num_bytes = 1 + (points >= 0x80) + (points >= 0x800) + (points >= 0x10000)
    return np.frombuffer(utf8, dtype=np.uint8) + np.int32(FIRST_BYTE), num_bytes
