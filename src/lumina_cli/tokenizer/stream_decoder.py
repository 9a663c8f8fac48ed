"""From ids to text as they come: half a character is held back until it is whole.

The first byte of a character says how many follow and the second is narrowed by the
first, so that each code point has one spelling and none is a surrogate.
Source: The Unicode Standard, table 3-7 "Well-Formed UTF-8 Byte Sequences".
"""

import codecs

from lumina_cli.tokenizer.special_ids import FIRST_BYTE, FIRST_CHARACTER

_CONTINUATION = range(0x80, 0xC0)
_SECOND_BYTE = {
    0xE0: range(0xA0, 0xC0),
    0xED: range(0x80, 0xA0),
    0xF0: range(0x90, 0xC0),
    0xF4: range(0x80, 0x90),
}


class StreamDecoder:
    """Turns ids into text one at a time.

    Args:
        characters: the characters of the vocabulary, in the order of their ids.
    """

    def __init__(self, characters: str) -> None:
        self._characters = characters
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, id_: int) -> str:
        """Return the text that `id_` completes: empty within a character, or if reserved."""
        if FIRST_BYTE <= id_ < FIRST_CHARACTER:
            return self._utf8.decode(bytes([id_ - FIRST_BYTE]))
        character = self._characters[id_ - FIRST_CHARACTER] if id_ >= FIRST_CHARACTER else ""
        return self.finish() + character

    def finish(self) -> str:
        """End the text: a character still incomplete becomes U+FFFD."""
        broken = self._utf8.decode(b"", final=True)
        self._utf8.reset()
        return broken

    @property
    def next_bytes(self) -> range | None:
        """The bytes that may continue the character begun, None between characters."""
        pending, _ = self._utf8.getstate()
        if len(pending) == 1:
            return _SECOND_BYTE.get(pending[0], _CONTINUATION)
        return _CONTINUATION if pending else None
