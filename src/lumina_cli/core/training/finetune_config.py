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
        True,
        description="Give frequent new characters ids of their own; otherwise they are "
        "spelled in bytes.",
    )
    max_new_chars: int = Field(
        4_000,
        ge=1,
        le=65_536,
        description="Maximum number of characters to add, the most frequent first.",
    )
    replay: str = Field(
        "auto",
        min_length=1,
        description="Old text to mix in against forgetting: auto is what the model was "
        "trained on before, a PATH is other text, off is none.",
    )
    replay_ratio: float = Field(0.8, ge=0, le=0.9, description="Share of old text in each epoch.")
    max_forgetting: float | None = Field(
        None,
        gt=0,
        le=1_000,
        description="Maximum rise of the loss on old text, as a share; the weights are "
        "interpolated towards the base model until it holds. Default: 0.08 with "
        "replay, no limit without.",
    )
    freeze_layers: int = Field(
        0,
        ge=0,
        le=128,
        description="Number of lower layers to freeze, and with them the embedding of known "
        "characters.",
    )
    lora_rank: int = Field(
        0,
        ge=0,
        le=4_096,
        description="LoRA rank: train adapters of this rank instead of the model itself, "
        "with less memory; 0 trains the model.",
    )
    lora_alpha: float = Field(
        16.0, gt=0, le=10_000, description="LoRA alpha: the adapters are scaled by alpha / rank."
    )
