"""The shape of the model (no torch: the command line reads its defaults from here)."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lumina_cli.renamed_settings import with_new_names


class ModelConfig(BaseModel):
    """The shape of the Transformer, without its vocabulary."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    _renamed = model_validator(mode="before")(with_new_names)

    hidden_size: int = Field(
        512, ge=8, le=16_384, description="Hidden size: the width of the model."
    )
    num_layers: int = Field(6, ge=1, le=128, description="Number of Transformer layers.")
    num_heads: int = Field(
        8, ge=1, le=256, description="Number of attention heads; they must divide the hidden size."
    )
    seq_length: int = Field(
        512,
        ge=8,
        le=65_536,
        description="Sequence length: how many characters (with --tokenizer bpe: pieces) the "
        "model sees at once (its context).",
    )
    position_encoding: Literal["sinusoidal", "rotary"] = Field(
        "sinusoidal", description="Position encoding."
    )
    dropout: float = Field(0.1, ge=0.0, lt=1.0, description="Dropout probability in training.")

    @model_validator(mode="after")
    def _heads_divide_hidden_size(self) -> Self:
        if self.hidden_size % self.num_heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} can't be divided by num_heads {self.num_heads}"
            )
        if self.hidden_size % 2:
            raise ValueError(f"hidden_size must be even, not {self.hidden_size}")
        if self.position_encoding == "rotary" and self.head_size % 2:
            raise ValueError(f"rotary positions need heads of even size, not {self.head_size}")
        return self

    @property
    def feedforward_size(self) -> int:
        """Width of the feed-forward layers, four times the hidden size."""
        return 4 * self.hidden_size

    @property
    def head_size(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.num_heads
