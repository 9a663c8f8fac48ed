"""The vocabulary: reserved ids, 256 byte ids, then one id for each known character.

    0..5      <|pad|> <|begin|> <|system|> <|user|> <|bot|> <|end|>
    6..261    the bytes 0..255
    262..     the characters, in the order of `CharacterTokenizer.characters`

A character without an id of its own is spelled in its UTF-8 bytes, so that
`decode(encode(text)) == text` for every text. Text never becomes a reserved id,
whatever it holds: `"<|end|>"` typed by a person is seven ordinary characters.

A lone surrogate (half of a UTF-16 pair, as broken JSON can hold) is not a character and
has no UTF-8 form. It is refused with its position rather than written as bytes that no
terminal or file could take back.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lumina_cli.errors import DataError
from lumina_cli.tokenizer.base import IdArray, Offsets, Tokenizer
from lumina_cli.tokenizer.special_ids import FIRST_BYTE, FIRST_CHARACTER, MAX_VOCAB_SIZE
from lumina_cli.tokenizer.stream_decoder import StreamDecoder

Counts = npt.NDArray[np.int64]
CodePoints = npt.NDArray[np.uint8] | npt.NDArray[np.uint32]

NUM_CODE_POINTS = 0x110000


class CharacterTokenizer:
    """Characters and their ids.

    Args:
        characters: the characters that have an id of their own, in the order of their ids,
            each once. A corpus gives them by code point; characters that fine-tuning adds
            come after, so that no id ever changes its meaning.

    Raises:
        DataError: a character stands twice, is a lone surrogate, or there are too many.
    """

    def __init__(self, characters: str) -> None:
        if len(set(characters)) != len(characters):
            raise DataError("the vocabulary holds a character twice")
        if len(characters) > MAX_VOCAB_SIZE - FIRST_CHARACTER:
            raise DataError(f"the vocabulary holds more than {MAX_VOCAB_SIZE:,} ids")
        code_points(characters)
        self.characters = characters

    @property
    def vocab_size(self) -> int:
        """Number of ids."""
        return FIRST_CHARACTER + len(self.characters)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CharacterTokenizer) and self.characters == other.characters

    __hash__ = None  # type: ignore[assignment]  # compared by content, never a key

    def encode(self, text: str) -> list[int]:
        """Return the ids of `text`. Raises DataError for a lone surrogate."""
        ids: list[int] = self.encode_array(text).tolist()
        return ids

    def encode_array(self, text: str) -> IdArray:
        """Return the ids of `text` as an array. Raises DataError for a lone surrogate."""
        return self.encode_batch([text])[0]

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
        ids = self._id_of_code_point.take(points, mode="clip")
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
        """Return the text of `ids`; reserved ids are silent, broken UTF-8 becomes U+FFFD."""
        decoder = StreamDecoder(self.characters)
        return "".join(map(decoder.push, ids)) + decoder.finish()

    def extended(self, characters: str) -> "CharacterTokenizer":
        """Return a vocabulary with more characters behind these: no id changes its meaning.

        Raises:
            DataError: as for a vocabulary that is made.
        """
        return CharacterTokenizer(self.characters + characters)

    @cached_property
    def _id_of_code_point(self) -> IdArray:
        """Id by code point, -1 for none; the last entry stands for all that lie beyond it."""
        points = code_points(self.characters)
        table = np.full(int(points.max(initial=0)) + 2, -1, dtype=np.int32)
        table[points] = np.arange(FIRST_CHARACTER, self.vocab_size, dtype=np.int32)
        return table


def vocabulary_from_counts(counts: Counts, *, min_count: int) -> CharacterTokenizer:
    """Return the vocabulary of a corpus.

    Args:
        counts: how often each code point stands in the corpus, shape (0x110000,).
        min_count: a character seen less often gets no id of its own.
    """
    kept = np.flatnonzero(counts >= max(min_count, 1))
    room = MAX_VOCAB_SIZE - FIRST_CHARACTER
    if len(kept) > room:  # the most frequent, and of equally frequent ones the lower
        kept = np.sort(kept[np.argsort(-counts[kept], kind="stable")[:room]])
    return CharacterTokenizer("".join(map(chr, kept.tolist())))


def newcomers(counts: Counts, *, tokenizer: Tokenizer) -> dict[str, int]:
    """Return the characters of a corpus that have no id, by code point, and how often each stands.

    Args:
        counts: how often each code point stands in the corpus, shape (0x110000,).
        tokenizer: the characters that have one.
    """
    unknown = counts.copy()
    unknown[code_points(tokenizer.characters)] = 0
    found = np.flatnonzero(unknown)
    return dict(zip(map(chr, found.tolist()), unknown[found].tolist(), strict=True))


def most_frequent(characters: Mapping[str, int], *, min_count: int, most: int) -> str:
    """Return the characters that are worth an id of their own, by code point.

    Args:
        characters: how often each stands in a corpus.
        min_count: one that is seen less often stays spelled in bytes.
        most: of them; of equally frequent ones the lower.
    """
    frequent = [character for character, count in characters.items() if count >= min_count]
    frequent.sort(key=lambda character: (-characters[character], character))
    return "".join(sorted(frequent[:most]))


def code_points(text: str) -> CodePoints:
    """Return the code points of `text`; those of ASCII take a byte each.

    Raises:
        DataError: it holds a lone surrogate.
    """
    if text.isascii():
        return np.frombuffer(text.encode(), dtype=np.uint8)
    try:
        return np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
    except UnicodeEncodeError as error:
        point = ord(text[error.start])
        raise DataError(
            f"character {error.start + 1} is half of a UTF-16 pair (U+{point:04X}), not text",
            hint="The text was cut inside a character; replace it by U+FFFD or remove it.",
        ) from error


def _spell(points: CodePoints) -> tuple[IdArray, Offsets]:
    """Return the ids of the UTF-8 bytes of characters, and how many each character takes."""
    utf8 = points.astype("<u4").tobytes().decode("utf-32-le").encode()
    num_bytes = 1 + (points >= 0x80) + (points >= 0x800) + (points >= 0x10000)
    return np.frombuffer(utf8, dtype=np.uint8) + np.int32(FIRST_BYTE), num_bytes
