"""What happens in a training run, as the loop tells it (no torch)."""

from dataclasses import dataclass
from typing import Literal

StopReason = Literal["epochs", "max_steps", "minutes", "interrupted"]


@dataclass(frozen=True, slots=True)
class StepDone:
    """One optimizer step.

    `loss` is in nats per id that counts, without label smoothing; `accuracy` is the share
    of those ids that were the likeliest; `step` is how many steps are done.
    """

    step: int
    epoch: int
    loss: float
    accuracy: float
    grad_norm: float
    learning_rate: float
    num_chars: int
    progress: float
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class EpochDone:
    """One pass over the text; figures are means over its steps."""

    epoch: int
    step: int
    loss: float
    accuracy: float
    learning_rate: float
    seconds: float
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The validation text was measured (see `evaluate.Evaluation` for the units)."""

    step: int
    nats_per_char: float
    bits_per_char: float
    accuracy: float
    is_best: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Sampled:
    """What the model says by now."""

    step: int
    text: str


@dataclass(frozen=True, slots=True)
class BatchSplit:
    """A step or measurement ran out of memory and was done again in smaller pieces."""

    step: int
    micro_batch_size: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The run is over."""

    step: int
    reason: StopReason
    elapsed_s: float


TrainEvent = StepDone | EpochDone | Evaluated | Sampled | BatchSplit | Finished
