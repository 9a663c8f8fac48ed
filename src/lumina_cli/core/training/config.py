"""How long and how fast the model learns (no torch)."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lumina_cli.renamed_settings import with_new_names


class TrainingConfig(BaseModel):
    """How long and how fast the model learns."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    _renamed = model_validator(mode="before")(with_new_names)

    batch_size: int = Field(
        16, ge=1, le=65_536, description="Batch size: windows of text per step."
    )
    grad_accum: int = Field(
        1, ge=1, le=65_536, description="Gradient accumulation: batches per step."
    )
    micro_batch_size: int | Literal["auto"] | None = Field(
        None,
        description="Windows computed at once: a number, or auto for as many as fit into "
        "memory. Default: a batch; on a CPU about 2,048 ids per thread, "
        "which is faster.",
    )
    activation_checkpointing: bool = Field(
        False, description="Recompute activations in the backward pass: less memory, more time."
    )
    start_seq_length: int | None = Field(
        None,
        ge=2,
        description="Start with windows this short and double them during the run: faster "
        "at first.",
    )
    epochs: int | None = Field(100, ge=1, description="Number of epochs: passes over the text.")
    max_steps: int | None = Field(None, ge=1, description="Stop after this many steps.")
    minutes: float | None = Field(
        None,
        gt=0,
        le=100_000,
        description="Finish within this many minutes, saving included; train chooses a model "
        "size that suits them unless you set one.",
    )
    optimizer: Literal["adamw", "muon"] = Field(
        "adamw", description="Optimizer; muon learns faster in small models."
    )
    learning_rate: float = Field(3e-4, gt=0, le=10, description="Peak learning rate (AdamW).")
    muon_learning_rate: float = Field(
        0.014, gt=0, le=10, description="With muon: peak learning rate of the layers."
    )
    warmup_ratio: float = Field(
        0.1, ge=0, lt=1, description="Learning rate warmup, as a share of the run."
    )
    min_lr_ratio: float = Field(
        0.1, ge=0, le=1, description="Final learning rate, as a share of the peak."
    )
    weight_decay: float = Field(0.01, ge=0, le=10, description="Weight decay (matrices only).")
    beta1: float = Field(0.9, ge=0, lt=1, description="AdamW beta1: decay of the first moment.")
    beta2: float = Field(0.95, ge=0, lt=1, description="AdamW beta2: decay of the second moment.")
    grad_clip: float = Field(1.0, gt=0, description="Clip gradients to this norm.")
    label_smoothing: float = Field(
        0.1, ge=0, lt=1, description="Label smoothing: 0.1 trains towards 90 % certainty."
    )
    num_evals: int = Field(
        20,
        ge=1,
        le=10_000,
        description="Number of evaluations on the validation text in a run; with --minutes "
        "they take at most a twentieth of the time.",
    )
    patience: int = Field(
        10,
        ge=0,
        description="Early stopping: end after this many evaluations without improvement; 0 "
        "never does.",
    )
    eval_chars: int = Field(
        100_000, ge=1, description="Maximum number of validation characters per evaluation."
    )
    compile: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Compile the model with torch.compile; auto does so on a GPU, for runs "
        "of some minutes.",
    )
    seed: int = Field(0, ge=0, le=2**63 - 1, description="Random seed.")

    @field_validator("micro_batch_size")
    @classmethod
    def _is_positive(cls, size: int | str | None) -> int | str | None:
        if isinstance(size, int) and size < 1:
            raise ValueError("must be at least 1")
        return size

    @property
    def windows_per_step(self) -> int:
        """Windows of text that a step learns from."""
        return self.batch_size * self.grad_accum

    @property
    def largest_micro_batch(self) -> int:
        """Windows in memory at once, before memory runs out; `auto` tries the whole step."""
        if self.micro_batch_size == "auto":
            return self.windows_per_step
        return min(self.micro_batch_size or self.batch_size, self.windows_per_step)
