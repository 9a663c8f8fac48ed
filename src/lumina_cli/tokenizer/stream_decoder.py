"""From ids to text as they come: half a character is held back until it is whole.

The first byte of a character says how many follow and the second is narrowed by the
first, so that each code point has one spelling and none is a surrogate.
Source: The Unicode Standard, table 3-7 "Well-Formed UTF-8 Byte Sequences".
"""

import codecs
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lumina_cli.tokenizer.special_ids import FIRST_BYTE, FIRST_CHARACTER, Special

BETWEEN_CHARACTERS, WITHIN_CHARACTER = 0, 1
"""States of a decoder; those from 2 on follow a byte that narrows the next."""

_CONTINUATION = range(0x80, 0xC0)
_SECOND_BYTE = {
    0xE0: range(0xA0, 0xC0),  # no longer spelling than needed
    0xED: range(0x80, 0xA0),  # no surrogates
    0xF0: range(0x90, 0xC0),  # no longer spelling than needed
    0xF4: range(0x80, 0x90),  # nothing beyond U+10FFFF
}
_STATE_AFTER = {byte: state for state, byte in enumerate(_SECOND_BYTE, WITHIN_CHARACTER + 1)}


class StreamDecoder:
    """Turns ids into text one at a time.

    Args:
        texts: what each id behind those of the bytes stands for; for single characters a
            string of them will do.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def decode(self, id_: int) -> str:
        """Return the text that `id_` completes: empty within a character, or if special."""
        if FIRST_BYTE <= id_ < FIRST_CHARACTER:
            return self._utf8.decode(bytes([id_ - FIRST_BYTE]))
        text = self._texts[id_ - FIRST_CHARACTER] if id_ >= FIRST_CHARACTER else ""
        return self.flush() + text

    def flush(self) -> str:
        """End the text: a character still incomplete becomes U+FFFD."""
        broken = self._utf8.decode(b"", final=True)
        self._utf8.reset()
        return broken

    def copy(self) -> "StreamDecoder":
        """Return a decoder that goes on from here by itself."""
        other = StreamDecoder(self._texts)
        other._utf8.setstate(self._utf8.getstate())
        return other

    @property
    def state(self) -> int:
        """Where in a character the text stands: a row of `next_id_mask`."""
        pending, _ = self._utf8.getstate()
        if len(pending) == 1:
            return _STATE_AFTER.get(pending[0], WITHIN_CHARACTER)
        return WITHIN_CHARACTER if pending else BETWEEN_CHARACTERS


def utf8_mask(vocab_size: int) -> npt.NDArray[np.bool_]:
    """Return which ids may come next in each state of a decoder, (states, vocab_size).

    Special ids other than <|end|> are never said. A byte may begin a character or continue
    the one begun, as UTF-8 allows; within a character nothing else may come.
    """
    next_bytes = [_CONTINUATION, *_SECOND_BYTE.values()]
    mask = np.zeros((1 + len(next_bytes), vocab_size), dtype=np.bool_)
    between = mask[BETWEEN_CHARACTERS]
    between[Special.END] = True
    between[FIRST_BYTE : FIRST_BYTE + 0x80] = True
    between[FIRST_BYTE + 0xC2 : FIRST_BYTE + 0xF5] = True
    between[FIRST_CHARACTER:] = True
    for state, allowed in enumerate(next_bytes, start=WITHIN_CHARACTER):
        mask[state, FIRST_BYTE + allowed.start : FIRST_BYTE + allowed.stop] = True
    return mask
