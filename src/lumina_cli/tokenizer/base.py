"""What a tokenizer is: the one seam between text and ids.

All that is asked of ids anywhere is asked here, so that nothing outside this package knows
which kind of tokenizer a model has. See `special_ids` for how ids are numbered, and
`registry` for the kinds there are.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt

from lumina_cli.errors import DataError
from lumina_cli.tokenizer.bpe_table import BpeTable
from lumina_cli.tokenizer.code_points import Counts
from lumina_cli.tokenizer.stream_decoder import StreamDecoder

IdArray = npt.NDArray[np.int32]
Offsets = npt.NDArray[np.int64]
IdMask = npt.NDArray[np.bool_]


class NewerTokenizerError(DataError):
    """A tokenizer was stored by a newer version of this program."""


class Tokenizer(Protocol):
    """Turns text into ids and back: `decode(encode(text)) == text` for every text.

    Equal where every text has the same ids. Immutable.

    Attributes:
        kind: names it in files (see `registry`).
    """

    kind: ClassVar[str]

    @classmethod
    def train(
        cls, texts: Iterable[str], *, counts: Counts, min_count: int, vocab_size: int
    ) -> Self:
        """Return the tokenizer of a corpus.

        Args:
            texts: those to learn from; read only if they are iterated over.
            counts: how often each code point stands in the corpus, shape (0x110000,).
            min_count: a character seen less often gets no id of its own.
            vocab_size: number of ids, where the text does not tell it.
        """

    @property
    def vocab_size(self) -> int:
        """Number of ids."""

    @property
    def character_ids(self) -> Mapping[str, int]:
        """The single characters that have an id of their own, and these ids."""

    @property
    def chars_per_id(self) -> float:
        """Characters that an id of usual text stands for: by it room and time are planned."""

    @property
    def max_chars_per_id(self) -> int:
        """Most characters that one id stands for."""

    @property
    def max_ids_per_char(self) -> int:
        """Most ids that one character takes."""

    def encode(self, text: str) -> list[int]:
        """Return the ids of `text`, none of them special. Raises DataError for a lone surrogate."""

    def encode_batch(self, texts: Sequence[str]) -> tuple[IdArray, Offsets]:
        """Return the ids of many texts side by side, and where each text begins in them.

        Returns:
            ids, shape (n,); beginnings, shape (len(texts) + 1,), the last one is n.

        Raises:
            DataError: a text holds a lone surrogate.
        """

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of `ids`; special ids are silent, broken UTF-8 becomes U+FFFD."""

    def stream_decoder(self) -> StreamDecoder:
        """Return what turns ids into text as they come."""

    def without_open_end(self, ids: Sequence[int]) -> tuple[list[int], str]:
        """Return ids without those at the end that a longer text may have otherwise.

        A text that is cut anywhere ends in ids that a whole text might not have there. Who goes on
        with it takes them back, and holds the next ids to their text (`ways_on`).

        Returns:
            the ids, and the text of those that were taken back; none where nothing was.
        """

    def ways_on(self, text: str) -> list[list[int]]:
        """Return the ids with which a text may begin that begins with this one.

        Each way ends with the first id that reaches the end of `text`.
        """

    def next_id_mask(self) -> IdMask:
        """Return which ids may come next, so that the text stays valid UTF-8.

        Returns:
            a row for each `StreamDecoder.state`, (states, vocab_size).
        """

    def bpe_table(self) -> BpeTable:
        """Return what another program needs to encode as this tokenizer does."""

    def describe(self, id_: int) -> str:
        """Return how an id is shown to a person: its text, `<E2>` for a byte, or its tag."""

    def num_chars(self, ids: npt.NDArray[np.integer]) -> int:
        """Return how many characters of text ids stand for; those of special ids are none.

        A character spelled in bytes counts where its first byte stands, so that the numbers
        of any parts of a text add up to that of the whole.
        """

    def extended(self, characters: str) -> Self:
        """Return a tokenizer with ids for more characters, behind all others.

        Raises:
            DataError: one has an id already, is a lone surrogate, or there are too many.
        """

    def truncated(self, vocab_size: int) -> Self:
        """Return this tokenizer as it was with fewer ids, before it was `extended`."""

    def added_characters(self, vocab_size: int) -> str:
        """Return the characters by which it was `extended` since it had `vocab_size` ids."""

    def extends(self, other: "Tokenizer") -> bool:
        """Return whether each id of `other` means the same here."""

    @property
    def fingerprint(self) -> str:
        """A text that is the same for equal tokenizers only; names what was encoded by it."""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values, `kind` and `version` of the format among them."""

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return the tokenizer of `to_json`.

        Raises:
            NewerTokenizerError: the format has a version that is not known here.
            DataError: the values are not those of a tokenizer of this kind.
        """
