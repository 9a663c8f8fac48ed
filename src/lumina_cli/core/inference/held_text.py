"""The end of a prompt that is generated again, so that its ids may be those of a whole text."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np

from lumina_cli.core.inference.sampling.filters import NEVER, Logits
from lumina_cli.tokenizer.base import Tokenizer


class HeldText(NamedTuple):
    """What the next ids are held to.

    Attributes:
        text: what they say first.
        ways: the ids that say it; each ends with the id that reaches its end.
    """

    text: str
    ways: Sequence[Sequence[int]]

    @classmethod
    def of(cls, text: str, *, tokenizer: Tokenizer) -> Self | None:
        """Return what holds ids to a text; nothing holds them to none."""
        return cls(text, tokenizer.ways_on(text)) if text else None

    def bias(self, vocab_size: int) -> Logits:
        """Return what to add to logits: 0 where a way goes on, else −inf, (V,)."""
        bias = np.full(vocab_size, NEVER, dtype=np.float32)
        bias[[way[0] for way in self.ways]] = 0
        return bias

    def after(self, id_: int, text: str) -> tuple[Self | None, str]:
        """Return what holds those behind an id, and what of its text is behind the held one."""
        ways = [way[1:] for way in self.ways if way[0] == id_ and len(way) > 1]
        held = type(self)(self.text[len(text) :], ways) if ways else None
        return held, text[len(self.text) :]
