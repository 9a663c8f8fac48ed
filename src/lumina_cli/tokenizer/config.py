"""The settings of the tokenizer that a new model is given (no torch)."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from lumina_cli.tokenizer.special_ids import FIRST_CHARACTER, MAX_VOCAB_SIZE


class TokenizerConfig(BaseModel):
    """Which kind of tokenizer a corpus is given, and how many ids it has."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    tokenizer: Literal["characters", "bpe"] = Field(
        "characters",
        description="What an id stands for: a character, or a piece of a word, learnt from the "
        "data (byte pair encoding).",
    )
    vocab_size: int = Field(
        1024,
        ge=300,
        le=MAX_VOCAB_SIZE,
        description="Number of ids with --tokenizer bpe: 6 tags, 256 bytes, characters, pieces.",
    )

    @property
    def has_size(self) -> bool:
        """Whether `vocab_size` has an effect: the characters of a text tell their own number."""
        return self.tokenizer == "bpe"

    def key(self) -> dict[str, Any]:
        """Return what names a corpus that is encoded so: nothing for the default."""
        return {"tokenizer": self.tokenizer, "vocab_size": self.vocab_size} if self.has_size else {}


CHARACTERS = TokenizerConfig()
"""The default."""


def max_characters(vocab_size: int) -> int:
    """Return how many characters have an id among so many: pieces need room, too."""
    return (vocab_size - FIRST_CHARACTER) // 2
