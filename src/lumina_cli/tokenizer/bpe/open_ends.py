"""Where a text ends within a word: what ids it has there, and what ids a longer one may have.

The ids of a word depend on all of it: " driv" may be " dri", "v", and " driver" a piece. Who goes
on with a text that is cut takes back the ids of its last word, as far as a longer text may have
others. Longer texts that have another cut within the text itself are rare, and left out: a draw
of such a cut would tell too little of what it leads to.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, pairwise, takewhile

from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.bpe.words import MAX_WORD_CHARS, split_words
from lumina_cli.tokenizer.special_ids import FIRST_CHARACTER

Ways = list[list[int]]


class OpenEnds:
    """Knows what may follow where a text ends.

    Args:
        tokenizer: that encodes it.
        ids: of its characters and pieces.
    """

    def __init__(self, tokenizer: Tokenizer, *, ids: Mapping[str, int]) -> None:
        self._tokenizer = tokenizer
        self._ids = ids
        self._sorted = sorted(ids)
        self._last: tuple[str, Ways] = "", []

    def without(self, ids: Sequence[int]) -> tuple[list[int], str]:
        """Return ids without those at the end that a longer text may have otherwise, and their
        text."""
        text = self._last_word(ids)
        own, ways = self._tokenizer.encode(text), self.ways_on(text)
        if len(ways) < 2 or ids[-len(own) :] != own:
            return list(ids), ""
        num_certain = sum(1 for _ in takewhile(_all_equal, zip(*ways, strict=False)))
        for num in range(num_certain, -1, -1):
            taken, held = own[num:], self._tokenizer.decode(own[num:])
            if self._tokenizer.encode(held) == taken:  # "'t" alone is no part of a word
                break
        return list(ids[: -len(taken)]), held

    def ways_on(self, text: str) -> Ways:
        """Return the ids with which a text may begin that begins with this one.

        Those are the ids of `text`, up to any of them, and a piece that begins with all the rest.
        Of spaces the last one goes to the word behind them.
        """
        last_text, ways = self._last
        if text != last_text:
            ways = list(self._ways_on(text))
            self._last = text, ways
        return ways

    def _ways_on(self, text: str) -> Iterator[list[int]]:
        own = self._tokenizer.encode(text)
        for num in range(len(own)):
            yield from self._behind(own[:num], text)
        if len(text) > 1 and not text.strip(" "):
            head = self._tokenizer.encode(text[:-1])
            if head != own[:-1]:
                yield from self._behind(head, text)
                yield [*head, self._ids[" "]]

    def _behind(self, head: Sequence[int], text: str) -> Iterator[list[int]]:
        """Yield ids that begin so, and end with the one that reaches the end of a text."""
        said = self._tokenizer.decode(head)
        pieces = self._beginning_with(text[len(said) :])
        found, begins = self._tokenizer.encode_batch([said + piece for piece in pieces])
        for piece, (begin, end) in zip(pieces, pairwise(begins.tolist()), strict=True):
            way = [*head, self._ids[piece]]
            if found[begin:end].tolist() == way:
                yield way

    def _beginning_with(self, text: str) -> list[str]:
        """Return the characters and pieces that begin with a text."""
        behind = islice(self._sorted, bisect_left(self._sorted, text), None)
        return list(takewhile(lambda each: each.startswith(text), behind))

    def _last_word(self, ids: Sequence[int]) -> str:
        """Return the word that ids end with; of an apostrophe the word before it, too.

        It begins behind the last byte: bytes are never merged.
        """
        ends = takewhile(lambda id_: id_ >= FIRST_CHARACTER, ids[: -MAX_WORD_CHARS - 2 : -1])
        words = split_words(self._tokenizer.decode([*ends][::-1]))
        return "".join(words[-2:] if words and words[-1] in "'’" else words[-1:])


def _all_equal(ids: Sequence[int]) -> bool:
    return len(set(ids)) == 1
