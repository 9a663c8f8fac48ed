"""Everything a run needs to go on to the bit: numbers, and tensors beside them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

from lumina_cli.core.model.peft import is_adapter
from lumina_cli.core.seeding import random_state, restore_random_state
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.parallel.rank import Rank
from lumina_cli.core.training.step.stepper import Stepper
from lumina_cli.errors import ModelFileError

WEIGHTS, ADAPTERS, OPTIMIZER, RANDOM = "model/", "adapter/", "optimizer/", "random/"
START = "start/"
"""How the names of tensors begin."""

RENAMED = {
    "best_nats": "best_val_loss",
    "recomputes": "activation_checkpointing",
    "share": "alpha",
    "usual_loss": "ema_loss",
}
"""What numbers were called in older checkpoints, and what they are called now."""


Count = Annotated[int, Field(ge=0, lt=2**53)]
Seconds = Annotated[float, Field(ge=0, lt=1e12)]
Loss = Annotated[float, Field(ge=0, lt=1e30)]
"""Of a step, or the sum of those of an epoch; one that is no number never comes this far."""


class TrainState(BaseModel):
    """Where a run is, as plain numbers; what is not in here is not known after a resume.

    `num_attempts` counts batches, learnt from or skipped; `recent_skips` are the attempts
    that were skipped of late; `ema_loss` is the moving average of the loss; `alpha` is how far
    from the base weights the newest evaluation found allowed, 1 for all the way; `elapsed_s` is
    the time spent training, pauses apart; `micro_batch_size` is what memory was enough for after
    it had run out, else 0; `largest_micro_batch` and `num_workers` are what the run was begun
    with, or gone on with (0: not kept yet); `eval_chars` is by how many it is measured, where the
    clock left time for fewer than asked; `untrained_val_loss` and `first_loss` are what validation
    and training began with.
    """

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    num_steps: Count = 0
    num_attempts: Count = 0
    epoch: Count = 0
    batch_index: Count = 0
    progress: Annotated[float, Field(ge=0, le=1)] = 0.0
    learning_rate: Annotated[float, Field(ge=0, le=10)] = 0.0
    elapsed_s: Seconds = 0.0
    step_s: Seconds = 0.0
    epoch_loss: Loss = 0.0
    epoch_accuracy: Loss = 0.0
    epoch_steps: Count = 0
    epoch_elapsed_s: Seconds = 0.0
    is_epoch_over: bool = False
    evaluations_done: Count = 0
    evaluated_step: Annotated[int, Field(ge=-1, lt=2**53)] = -1
    evaluation_s: Seconds = 0.0
    eval_chars: Count = 0
    save_s: Seconds = 0.0
    alpha: Annotated[float, Field(ge=0, le=1)] = 1.0
    best_val_loss: Loss | None = None
    untrained_val_loss: Loss | None = None
    first_loss: Loss | None = None
    best_step: Count | None = None
    num_worse: Count = 0
    ema_loss: Loss | None = None
    lr_scale: Annotated[float, Field(gt=0, le=1)] = 1.0
    num_rollbacks: Count = 0
    skips_in_a_row: Count = 0
    recent_skips: Annotated[list[Count], Field(max_length=1_000)] = []
    micro_batch_size: Count = 0
    largest_micro_batch: Count = 0
    num_workers: Count = 0
    steps_at_size: Count = 0
    activation_checkpointing: bool = False
    optimizer_steps: Count = 0
    loss_scale: Annotated[float, Field(gt=0, le=2**100)] = 1.0
    good_steps: Count = 0

    @model_validator(mode="before")
    @classmethod
    def _rename(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        return {RENAMED.get(name, name): value for name, value in values.items()}


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A run between two steps, whole on the first rank.

    The tensors are the live ones: write or clone them before the run goes on.
    """

    train_state: TrainState
    tensors: dict[str, Tensor]

    def clone(self) -> "Snapshot":
        """Return a snapshot that the run can't change any more."""
        tensors = {name: tensor.detach().clone() for name, tensor in self.tensors.items()}
        return Snapshot(self.train_state.model_copy(deep=True), tensors)

    def named(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors whose names begin with `prefix`, without it."""
        return {
            name.removeprefix(prefix): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(prefix)
        }


def of_first(load: Callable[[], Snapshot], *, rank: Rank) -> Snapshot:
    """Return the snapshot that the first rank loads; the others need no file."""
    own = load() if rank.index == 0 else Snapshot(TrainState(), {})
    state = rank.broadcast(own.train_state.model_dump(mode="json"))
    return Snapshot(TrainState.model_validate(state), dict(rank.broadcast_tensors(own.tensors)))


def counted(state: TrainState, *, stepper: Stepper) -> TrainState:
    """Return a copy of where a run is, once what the stepper counts is written into it."""
    state.micro_batch_size = stepper.micro_batch_size if stepper.has_run_out else 0
    state.largest_micro_batch = stepper.largest
    state.num_workers = stepper.num_workers
    state.steps_at_size = stepper.steps_at_size
    state.activation_checkpointing = stepper.model.activation_checkpointing
    state.optimizer_steps = stepper.optimizers.num_steps
    state.loss_scale = stepper.loss_scale.value
    state.good_steps = stepper.loss_scale.good_steps
    return state.model_copy(deep=True)


def state_dict(state: TrainState, *, stepper: Stepper, base: Mapping[str, Tensor]) -> Snapshot:
    """Return all that a run needs to go on from here, on the first rank; all ranks call it.

    Args:
        state: of the run; what the stepper counts is written into it.
        stepper: with the model and the optimizers.
        base: weights that the run began with, if they are kept.

    Raises:
        OutOfMemoryError: (torch's) on every rank, where it ran out on one.
    """
    tensors = _tensors(stepper, optimizer=stepper.optimizers.state_dict(), base=base)
    return Snapshot(counted(state, stepper=stepper), tensors)


def _tensors(
    stepper: Stepper, *, optimizer: Mapping[str, Tensor], base: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    tensors = {
        (ADAPTERS if is_adapter(name) else WEIGHTS) + name: t
        for name, t in stepper.model.state_dict().items()
    }
    tensors |= {OPTIMIZER + name: t for name, t in optimizer.items()}
    device = stepper.model.wte.weight.device
    tensors |= {RANDOM + name: t for name, t in random_state(device).items()}
    return tensors | {START + name: t for name, t in base.items()}


def load_state_dict(
    snapshot: Snapshot,
    *,
    stepper: Stepper,
    base: Mapping[str, Tensor],
    config: TrainingConfig,
) -> TrainState:
    """Give model, optimizers and random generators what a snapshot holds; return its numbers.

    Raises:
        ModelFileError: it is of another model or optimizer.
    """
    state, model = snapshot.train_state.model_copy(deep=True), stepper.model
    try:
        own = {name: part.own for name, part in stepper.optimizers.state().items()}
        _check_dtypes(snapshot.tensors, _tensors(stepper, optimizer=own, base=base))
        model.load_state_dict(snapshot.named(WEIGHTS) | snapshot.named(ADAPTERS))
        began = snapshot.named(START)
        for name, tensor in base.items():
            tensor.copy_(began[name])
        optimizer = snapshot.named(OPTIMIZER)
        stepper.optimizers.load_state_dict(optimizer, num_steps=state.optimizer_steps)
        restore_random_state(snapshot.named(RANDOM), device=model.wte.weight.device)
    except (KeyError, RuntimeError, TypeError) as error:
        raise ModelFileError(
            "the checkpoint is of another model or optimizer",
            hint="Use the settings it was made with, or begin anew without --resume.",
        ) from error
    model.activation_checkpointing = (
        state.activation_checkpointing or config.activation_checkpointing
    )
    if state.micro_batch_size:
        stepper.micro_batch_size = min(state.micro_batch_size, stepper.largest)
    stepper.steps_at_size = state.steps_at_size
    if stepper.precision.name == "fp16":
        stepper.loss_scale.value = state.loss_scale
        stepper.loss_scale.good_steps = state.good_steps
    return state


def _check_dtypes(loaded: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> None:
    """Raise TypeError where numbers are of another kind: copying would convert them in silence."""
    for name, tensor in own.items():
        if name in loaded and loaded[name].dtype != tensor.dtype:
            raise TypeError(f"{name} is {loaded[name].dtype}")
