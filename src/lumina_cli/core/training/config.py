"""How long and how fast the model learns (no torch)."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lumina_cli.renamed_settings import with_new_names


class TrainingConfig(BaseModel):
    """How long and how fast the model learns."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    _renamed = model_validator(mode="before")(with_new_names)

    batch_size: int = Field(16, ge=1, le=65_536, description="Windows of text in each step.")
    grad_accum: int = Field(
        1, ge=1, le=65_536, description="Batches in each step; their gradients are added up."
    )
    micro_batch_size: int | Literal["auto"] | None = Field(
        None,
        description="Windows in memory at once: a number, or auto for as many as fit. Default: a "
        "batch; on a CPU about 2,048 characters for each thread, which is faster.",
    )
    activation_checkpointing: bool = Field(
        False, description="Compute activations twice instead of keeping them: less memory."
    )
    start_seq_length: int | None = Field(
        None,
        ge=2,
        description="Begin with windows this short and double them on the way: quicker at first.",
    )
    epochs: int | None = Field(100, ge=1, description="Passes over the text.")
    max_steps: int | None = Field(None, ge=1, description="Stop after this many steps.")
    minutes: float | None = Field(
        None,
        gt=0,
        le=100_000,
        description="Be done, saved included, within so many minutes; a model that suits them "
        "is chosen unless its shape is given.",
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
    num_evals: int = Field(
        20,
        ge=1,
        le=10_000,
        description="How often in a run the validation loss is measured; with minutes no more "
        "often than a twentieth of them allows.",
    )
    patience: int = Field(
        10, ge=0, description="Stop after so many evaluations without a better one; 0: never."
    )
    eval_chars: int = Field(
        100_000, ge=1, description="Most validation characters per measurement."
    )
    compile: Literal["auto", "on", "off"] = Field(
        "auto", description="Compile the model; auto does on a GPU, for runs of some minutes."
    )
    seed: int = Field(0, ge=0, le=2**63 - 1, description="Where all randomness comes from.")

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
