"""How long and how fast the model learns (no torch)."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainingConfig(BaseModel):
    """How long and how fast the model learns."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    batch_size: int = Field(16, ge=1, le=65_536, description="Windows of text in each step.")
    epochs: int | None = Field(100, ge=1, description="Passes over the text.")
    max_steps: int | None = Field(None, ge=1, description="Stop after this many steps.")
    minutes: float | None = Field(
        None, gt=0, le=100_000, description="Be done, saved included, within so many minutes."
    )
    optimizer: Literal["adamw", "muon"] = Field(
        "adamw", description="How weights are changed; muon learns faster in small models."
    )
    learning_rate: float = Field(3e-4, gt=0, le=10, description="Highest learning rate (AdamW).")
    muon_learning_rate: float = Field(
        0.014, gt=0, le=10, description="With muon: highest learning rate of the layers."
    )
    warmup_ratio: float = Field(
        0.1, ge=0, lt=1, description="Share of the run in which the learning rate rises."
    )
    min_lr_ratio: float = Field(
        0.1, ge=0, le=1, description="Where the learning rate ends, as a share of the highest."
    )
    weight_decay: float = Field(0.01, ge=0, le=10, description="Pull of the matrices to zero.")
    beta1: float = Field(0.9, ge=0, lt=1, description="AdamW: memory of the gradient.")
    beta2: float = Field(0.95, ge=0, lt=1, description="AdamW: memory of its square.")
    grad_clip: float = Field(1.0, gt=0, description="Longest gradient; longer ones are shortened.")
    label_smoothing: float = Field(
        0.1, ge=0, lt=1, description="Share of certainty withheld from the right character."
    )
    evaluations: int = Field(
        20, ge=1, le=10_000, description="How often in a run the validation loss is measured."
    )
    eval_chars: int = Field(
        100_000, ge=1, description="Most validation characters per measurement."
    )
    seed: int = Field(0, ge=0, le=2**63 - 1, description="Where all randomness comes from.")
