"""How a model is fine-tuned, beside what training has settings for already (no torch)."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lumina_cli.renamed_settings import with_new_names

REPLAY_AUTO: Literal["auto"] = "auto"
REPLAY_OFF: Literal["off"] = "off"


class FinetuneConfig(BaseModel):
    """What may change in a model that learns on, and how it is kept from forgetting."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    _renamed = model_validator(mode="before")(with_new_names)

    expand_vocab: bool = Field(
        True, description="Give frequent new characters an id each; else they are spelled in bytes."
    )
    max_new_chars: int = Field(
        4_000, ge=1, le=65_536, description="Most characters to add, the most frequent ones."
    )
    replay: str = Field(
        "auto",
        min_length=1,
        description="Old text to mix in, so that it is not forgotten: auto is what the model "
        "learnt from before; a PATH is other text; off is none.",
    )
    replay_ratio: float = Field(
        0.8, ge=0, le=0.9, description="Share of old text in each pass over the new."
    )
    max_forgetting: float | None = Field(
        None,
        gt=0,
        le=1_000,
        description="How much the loss on old text may rise, as a share; the model is pulled back "
        "towards its base as far as that takes. Usually 0.08 where old text is repeated, and no "
        "limit where it is not.",
    )
    freeze_layers: int = Field(
        0,
        ge=0,
        le=128,
        description="Lower layers that stay as they are, and the embedding of old characters.",
    )
    lora_rank: int = Field(
        0,
        ge=0,
        le=4_096,
        description="Train adapters of this rank in place of the model itself: less memory; "
        "0: none.",
    )
    lora_alpha: float = Field(
        16.0, gt=0, le=10_000, description="Strength of the adapters; divided by their rank."
    )
