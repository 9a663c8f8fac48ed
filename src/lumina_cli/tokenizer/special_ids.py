"""How ids are numbered: reserved ones, then 256 bytes, then characters."""

from enum import IntEnum


class Special(IntEnum):
    """The reserved ids, which only the chat format writes and no text can produce."""

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


FIRST_BYTE = len(Special)
FIRST_CHARACTER = FIRST_BYTE + 256
MAX_VOCAB_SIZE = 65_536
"""Most ids a vocabulary may have; the rarest characters beyond it are spelled in bytes."""
