"""What happens in a training run, as the loop tells it (no torch)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

RENAMED = {
    "Evaluated": {"kept_nats_per_char": "base_loss", "share": "alpha"},
    "BatchSplit": {"recomputes": "activation_checkpointing"},
    "LossSpiked": {"usual_loss": "ema_loss"},
}
"""What fields were called when older runs kept their events, and what they are called now."""

StopReason = Literal["epochs", "max_steps", "minutes", "patience", "interrupted"]


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
    """The validation text was measured (see `evaluate.Evaluation` for the units).

    `base_loss` is the loss on text that was learnt before, where there is some, in nats per
    character. `alpha` is how far from the base weights to those learnt so far the measured model
    is: less than 1 where old text would be forgotten else. A model that `is_worse_than_untrained`
    says clearly less of the text than before the first step.
    """

    step: int
    nats_per_char: float
    bits_per_char: float
    accuracy: float
    is_best: bool
    seconds: float
    base_loss: float | None = None
    alpha: float = 1.0
    is_worse_than_untrained: bool = False


@dataclass(frozen=True, slots=True)
class Sampled:
    """What the model says by now, to a prompt (None: to nothing), drawn by a seed.

    `number` is that of the prompt among those of the run; older runs tell neither.
    """

    step: int
    text: str
    prompt: str | None = None
    seed: int | None = None
    number: int = 0


@dataclass(frozen=True, slots=True)
class SampleSkipped:
    """There was not enough memory to draw a sample."""

    step: int


@dataclass(frozen=True, slots=True)
class BatchSplit:
    """A step or measurement ran out of memory and was done again in smaller micro-batches.

    With `activation_checkpointing` activations are computed twice instead of kept.
    """

    step: int
    micro_batch_size: int
    activation_checkpointing: bool = False


@dataclass(frozen=True, slots=True)
class BatchGrown:
    """Larger micro-batches were tried again, and there was memory for them."""

    step: int
    micro_batch_size: int


@dataclass(frozen=True, slots=True)
class CompileFailed:
    """The model could not be compiled, and is computed as it is."""

    step: int
    why: str


@dataclass(frozen=True, slots=True)
class StepSkipped:
    """A loss or gradient was not finite, so nothing was learnt from a batch.

    An `is_overflow` is fp16's own: its scale was too high and is lower now.
    """

    step: int
    epoch: int
    batch_index: int
    is_overflow: bool


@dataclass(frozen=True, slots=True)
class LossSpiked:
    """The loss of a step was far above what was usual."""

    step: int
    loss: float
    ema_loss: float


@dataclass(frozen=True, slots=True)
class RolledBack:
    """Too many steps were skipped, or nothing is left of what was learnt: back to a good state.

    It goes on with the data that comes after `epoch` and `batch_index`, if that led astray (else
    there is none), and a lower rate.
    """

    from_step: int
    step: int
    epoch: int
    batch_index: int | None
    lr_scale: float


@dataclass(frozen=True, slots=True)
class Overfits:
    """Validation has been getting worse since `best_step`, while the training loss fell."""

    step: int
    best_step: int
    best_nats_per_char: float
    nats_per_char: float


@dataclass(frozen=True, slots=True)
class Paced:
    """How the processes that train together keep up with each other.

    The others wait most for the `slowest`; `waiting` is the share of the time of all of them that
    is spent so.
    """

    step: int
    num_ranks: int
    slowest: int
    waiting: float


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The run was asked to stop and will go on another day: the moment to save its state."""

    step: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The run is over."""

    step: int
    reason: StopReason
    elapsed_s: float


TrainEvent = (
    StepDone
    | EpochDone
    | Evaluated
    | Sampled
    | SampleSkipped
    | BatchSplit
    | BatchGrown
    | CompileFailed
    | StepSkipped
    | LossSpiked
    | RolledBack
    | Overfits
    | Paced
    | Interrupted
    | Finished
)


def with_new_fields(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event as it was kept, its fields named as now."""
    renamed = RENAMED.get(event.get("event", ""), {})
    return {renamed.get(name, name): value for name, value in event.items()}
