"""The tokenizer of subwords: behind characters, an id for each piece that is merged of two others.

A text is split into words (`words`), which no piece crosses; the characters of a word are merged as
they were learnt (`merges`). A character without an id is spelled in its UTF-8 bytes, which are
never merged, so that `decode(encode(text)) == text` for every text, and no text becomes a
special id.

    262..     the characters, by code point
    then      the pieces, in the order in which they were learnt
    then      the characters that fine-tuning added
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import islice, pairwise
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from lumina_cli.errors import DataError
from lumina_cli.tokenizer.base import IdArray, IdMask, NewerTokenizerError, Offsets, Tokenizer
from lumina_cli.tokenizer.bpe.learning import MergeLearner
from lumina_cli.tokenizer.bpe.merges import MergeTable
from lumina_cli.tokenizer.bpe.open_ends import OpenEnds
from lumina_cli.tokenizer.bpe.pieces import MAX_PIECE_CHARS, Merge, checked_merges, pieces_of
from lumina_cli.tokenizer.bpe.words import PATTERN, merge_order, split_words
from lumina_cli.tokenizer.bpe_table import BpeTable
from lumina_cli.tokenizer.characters import CharacterTokenizer
from lumina_cli.tokenizer.code_points import Counts, code_points, frequent_characters
from lumina_cli.tokenizer.config import max_characters
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

MAX_LEARNT_CHARS = 10_000_000
"""Merges are learnt from so much text, evenly taken from the corpus: more changes them little."""

MAX_CACHED_WORDS = 1 << 17

_ID_BYTES = np.dtype(np.int32).itemsize


class BpeTokenizer:
    """An id for each character and for each piece.

    Args:
        characters: those that have an id of their own, in the order of their ids, each once.
        merges: the two halves of each piece, in the order of their ids.
        added: characters that came later.
        chars_per_id: characters that an id stood for, on average, in the text it was learnt from.

    Raises:
        DataError: a text stands twice, a half is no earlier piece, a piece is too long, a character
            is a lone surrogate, or there are too many.
    """

    kind: ClassVar[str] = "bpe"
    max_ids_per_char = 4

    def __init__(
        self,
        characters: str,
        merges: Sequence[Merge],
        *,
        added: str = "",
        chars_per_id: float = 1.0,
    ) -> None:
        self._spelling = CharacterTokenizer(characters + added)
        if self._spelling.vocab_size + len(merges) > MAX_VOCAB_SIZE:
            raise DataError(f"the vocabulary holds more than {MAX_VOCAB_SIZE:,} ids")
        self.characters = characters
        self.merges = tuple(merges)
        self.added = added
        self.chars_per_id = chars_per_id
        self._pieces = pieces_of(self.merges, characters=characters)
        self._texts = (*characters, *self._pieces, *added)
        self._known_words: dict[str, bytes] = {}

    @classmethod
    def train(
        cls, texts: Iterable[str], *, counts: Counts, min_count: int, vocab_size: int
    ) -> Self:
        """Return the tokenizer of a corpus: see `Tokenizer.train`.

        Where there are more characters than have room, the rarest are spelled in bytes.
        """
        most = max_characters(vocab_size)
        characters = frequent_characters(counts, min_count=min_count, most=most)
        step = 1 + int(counts.sum()) // MAX_LEARNT_CHARS
        learner = MergeLearner(characters)
        num_merges = vocab_size - FIRST_CHARACTER - len(characters)
        merges = learner.learn(islice(texts, 0, None, step), num_merges=num_merges)
        return cls(characters, merges)._measured_on(learner.word_counts)

    @property
    def vocab_size(self) -> int:
        """Number of ids."""
        return FIRST_CHARACTER + len(self._texts)

    @cached_property
    def character_ids(self) -> Mapping[str, int]:
        """The single characters and their ids."""
        texts = enumerate(self._texts, FIRST_CHARACTER)
        return {text: id_ for id_, text in texts if len(text) == 1}

    @cached_property
    def max_chars_per_id(self) -> int:
        """Most characters that one id stands for."""
        return max(map(len, self._pieces), default=1)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BpeTokenizer) and self._identity == other._identity

    __hash__ = None  # type: ignore[assignment]  # compared by content, never a key

    def encode(self, text: str) -> list[int]:
        """Return the ids of `text`. Raises DataError for a lone surrogate."""
        ids, _ = self.encode_batch([text])
        return ids.tolist()  # type: ignore[no-any-return]

    def encode_batch(self, texts: Sequence[str]) -> tuple[IdArray, Offsets]:
        """Return the ids of many texts side by side, and where each text begins in them.

        Words that were met before are looked up; the others are merged all at once.

        Returns:
            ids, shape (n,); beginnings, shape (len(texts) + 1,), the last one is n.

        Raises:
            DataError: a text holds a lone surrogate.
        """
        code_points("".join(texts))
        words: list[str] = []
        ends = [0]
        for text in texts:
            words += split_words(text)
            ends.append(len(words))
        known = self._with_words(words)
        parts = list(map(known.__getitem__, words))
        sizes = np.fromiter(map(len, parts), dtype=np.int64, count=len(parts)) // _ID_BYTES
        begins = np.concatenate(([0], np.cumsum(sizes)))
        return np.frombuffer(b"".join(parts), dtype=np.int32), begins[ends]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of `ids`; special ids are silent, broken UTF-8 becomes U+FFFD."""
        decoder = self.stream_decoder()
        return "".join(map(decoder.decode, ids)) + decoder.flush()

    def stream_decoder(self) -> StreamDecoder:
        """Return what turns ids into text as they come."""
        return StreamDecoder(self._texts)

    def without_open_end(self, ids: Sequence[int]) -> tuple[list[int], str]:
        """Return ids without those at the end that a longer text may have otherwise."""
        return self._open_ends.without(ids)

    def ways_on(self, text: str) -> list[list[int]]:
        """Return the ids with which a text may begin that begins with this one."""
        return self._open_ends.ways_on(text)

    def next_id_mask(self) -> IdMask:
        """Return which ids may come next in each state of a decoder, (states, vocab_size)."""
        return utf8_mask(self.vocab_size)

    def bpe_table(self) -> BpeTable:
        """Return what another program needs to encode as this one does."""
        merges = sorted(self.merges, key=lambda halves: merge_order("".join(halves)))
        return BpeTable(self._texts, tuple(merges), split_pattern=PATTERN)

    def describe(self, id_: int) -> str:
        """Return how an id is shown to a person."""
        if id_ < FIRST_BYTE:
            return Special(id_).tag
        if id_ < FIRST_CHARACTER:
            return f"<{id_ - FIRST_BYTE:02X}>"
        text: str = self._texts[id_ - FIRST_CHARACTER]
        return text

    def num_chars(self, ids: npt.NDArray[np.integer]) -> int:
        """Return how many characters ids stand for: those of special ids are none."""
        return int(self._lengths[ids].sum())

    def extended(self, characters: str) -> Self:
        """Return a tokenizer with ids for more characters, behind all others."""
        return self._with_added(self.added + characters)

    def truncated(self, vocab_size: int) -> Self:
        """Return this tokenizer as it was with fewer ids."""
        return self._with_added(self.added[: self._num_added(vocab_size)])

    def added_characters(self, vocab_size: int) -> str:
        """Return the characters by which it was extended since it had `vocab_size` ids."""
        return self.added[self._num_added(vocab_size) :]

    def extends(self, other: Tokenizer) -> bool:
        """Return whether each id of `other` means the same here."""
        return (
            isinstance(other, BpeTokenizer)
            and (self.characters, self.merges) == (other.characters, other.merges)
            and self.added.startswith(other.added)
        )

    @property
    def fingerprint(self) -> str:
        """A text that is the same for equal tokenizers only."""
        return json.dumps([self.kind, VERSION, *self._identity])

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        stored = {
            "kind": self.kind,
            "version": VERSION,
            "characters": self.characters,
            "merges": list(map(list, self.merges)),
            "chars_per_id": self.chars_per_id,
        }
        return stored | ({"added": self.added} if self.added else {})

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return the tokenizer of `to_json`: see `Tokenizer.from_json`."""
        if (version := stored.get("version")) != VERSION:
            known = f"tokenizers {cls.kind!r} of version {VERSION}"
            raise NewerTokenizerError(f"this one reads {known}, not {version!r}")
        characters, added = stored.get("characters"), stored.get("added", "")
        if not isinstance(characters, str) or not isinstance(added, str):
            raise DataError("there are no characters")
        chars_per_id = stored.get("chars_per_id", 1.0)
        least = 1 / cls.max_ids_per_char
        if not isinstance(chars_per_id, float) or not least <= chars_per_id <= MAX_PIECE_CHARS:
            raise DataError("an id can't stand for as many characters as it says")
        merges = checked_merges(stored.get("merges"))
        return cls(characters, merges, added=added, chars_per_id=chars_per_id)

    @property
    def _identity(self) -> tuple[object, ...]:
        return self.characters, self.merges, self.added

    @cached_property
    def _lengths(self) -> npt.NDArray[np.int64]:
        """Characters that each id stands for; a character in bytes counts where it begins."""
        lengths = np.ones(self.vocab_size, dtype=np.int64)
        lengths[:FIRST_BYTE] = 0
        lengths[CONTINUATION_IDS.start : CONTINUATION_IDS.stop] = 0
        lengths[FIRST_CHARACTER:] = list(map(len, self._texts))
        return lengths

    @cached_property
    def _table(self) -> MergeTable:
        pairs = [(self._ids[left], self._ids[right]) for left, right in self.merges]
        return MergeTable(pairs, first_id=FIRST_CHARACTER + len(self.characters))

    @cached_property
    def _ids(self) -> Mapping[str, int]:
        return {text: id_ for id_, text in enumerate(self._texts, FIRST_CHARACTER)}

    @cached_property
    def _open_ends(self) -> OpenEnds:
        return OpenEnds(self, ids=self._ids)

    def _with_words(self, words: Iterable[str]) -> Mapping[str, bytes]:
        """Return the ids of words, and of others; a thread that asks meanwhile loses nothing."""
        known = self._known_words
        if len(known) > MAX_CACHED_WORDS:
            known = self._known_words = {}
        new = list(set(words).difference(known))
        if new:
            ids, begins = self._table.merge(*self._spell(new))
            data, places = ids.tobytes(), (begins * _ID_BYTES).tolist()
            parts = (data[begin:end] for begin, end in pairwise(places))
            known.update(zip(new, parts, strict=True))
        return known

    def _spell(self, words: Sequence[str]) -> tuple[IdArray, Offsets]:
        """Return words in their characters and bytes."""
        ids, begins = self._spelling.encode_batch(words)
        is_added = ids >= FIRST_CHARACTER + len(self.characters)
        return ids + np.int32(len(self.merges)) * is_added, begins

    def _with_added(self, added: str) -> Self:
        return type(self)(self.characters, self.merges, added=added, chars_per_id=self.chars_per_id)

    def _num_added(self, vocab_size: int) -> int:
        """Return how many characters it had been given when it had fewer ids."""
        return max(0, vocab_size - (self.vocab_size - len(self.added)))

    def _measured_on(self, word_counts: Mapping[str, int]) -> Self:
        """Return it with the characters that an id stands for in words."""
        words = list(word_counts)
        _, begins = self.encode_batch(words)
        counts = np.array(list(word_counts.values()), dtype=np.int64)
        num_chars = int((counts * list(map(len, words))).sum()) if words else 0
        num_ids = int((counts * np.diff(begins)).sum())
        mean = round(num_chars / num_ids, 3) if num_ids else 1.0
        return type(self)(self.characters, self.merges, added=self.added, chars_per_id=mean)
