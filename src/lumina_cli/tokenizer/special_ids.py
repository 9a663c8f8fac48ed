"""How every tokenizer numbers its ids: special ones, then 256 bytes, then its own.

0..5      <|pad|> <|begin|> <|system|> <|user|> <|bot|> <|end|>
6..261    the bytes 0..255
262..     what the tokenizer has an id for
"""

from enum import IntEnum


class Special(IntEnum):
    """The special ids, which only the chat format writes and no text can produce."""

    PAD = 0
    BEGIN = 1
    SYSTEM = 2
    USER = 3
    BOT = 4
    END = 5

    @property
    def tag(self) -> str:
        """How the id is shown to a person, never how it is read: `<|end|>`."""
        return f"<|{self.name.lower()}|>"


NUM_SPECIAL = len(Special)
FIRST_BYTE = NUM_SPECIAL
FIRST_CHARACTER = FIRST_BYTE + 256
BYTE_IDS = range(FIRST_BYTE, FIRST_CHARACTER)
CONTINUATION_IDS = range(FIRST_BYTE + 0x80, FIRST_BYTE + 0xC0)
"""Of bytes that stand within a character, behind its first."""

MAX_VOCAB_SIZE = 65_536
"""Most ids a tokenizer may have; the rarest characters beyond it are spelled in bytes."""


def is_special(id_: int) -> bool:
    """Return whether an id stands for a tag."""
    return id_ < NUM_SPECIAL


def byte_of(id_: int) -> int | None:
    """Return the byte that an id stands for; None for a tag and for what has an id of its own."""
    return id_ - FIRST_BYTE if id_ in BYTE_IDS else None
