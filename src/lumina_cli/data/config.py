"""How data is read, split and encoded."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class DataConfig(BaseModel):
    """How files become conversations and texts, and these become ids."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    lang: str = Field(
        "en", description="OASST trees to read, by the language of their first message, or 'all'."
    )
    val_fraction: float = Field(
        0.1, ge=0.0, le=0.5, description="Share of the data kept for validation."
    )
    min_char_count: int = Field(
        2,
        ge=1,
        description="A character seen less often has no id of its own; it is spelled in bytes.",
    )
    loss_on: Literal["bot", "all"] = Field(
        "all", description="What is learnt from in conversations: the bot's words, or everybody's."
    )
