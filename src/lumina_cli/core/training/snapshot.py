"""The state of a run: taken between two steps, and put back."""

from collections.abc import Mapping

from torch import Tensor

from lumina_cli.core.model.peft import is_adapter
from lumina_cli.core.seeding import random_state, restore_random_state
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.state import (
    ADAPTERS,
    OPTIMIZER,
    RANDOM,
    START,
    WEIGHTS,
    Snapshot,
    TrainState,
)
from lumina_cli.core.training.step import Stepper
from lumina_cli.errors import ModelFileError


def take(counters: TrainState, *, stepper: Stepper, start: Mapping[str, Tensor]) -> Snapshot:
    """Return all that a run needs to go on from here, the live tensors in it.

    Args:
        counters: of the run; what the stepper counts is written into them.
        stepper: with the model and the optimizers.
        start: weights that the run began with, if they are kept.
    """
    counters.micro_batch_size = stepper.micro_batch_size if stepper.has_run_out else 0
    counters.largest_micro_batch = stepper.largest
    counters.num_workers = stepper.num_workers
    counters.steps_at_size = stepper.steps_at_size
    counters.recomputes = stepper.model.recompute
    counters.optimizer_steps = stepper.optimizers.num_steps
    counters.loss_scale = stepper.loss_scale.value
    counters.good_steps = stepper.loss_scale.good_steps
    device = stepper.model.wte.weight.device
    tensors = {
        (ADAPTERS if is_adapter(name) else WEIGHTS) + name: t
        for name, t in stepper.model.state_dict().items()
    }
    tensors |= {OPTIMIZER + name: t for name, t in stepper.optimizers.state_dict().items()}
    tensors |= {RANDOM + name: t for name, t in random_state(device).items()}
    tensors |= {START + name: t for name, t in start.items()}
    return Snapshot(counters.model_copy(deep=True), tensors)


def put_back(
    state: Snapshot,
    *,
    stepper: Stepper,
    start: Mapping[str, Tensor],
    config: TrainingConfig,
) -> TrainState:
    """Give model, optimizers and random generators a state; return its counters.

    Raises:
        ModelFileError: it is of another model or optimizer.
    """
    counters, model = state.counters.model_copy(deep=True), stepper.model
    try:
        model.load_state_dict(_named(state, WEIGHTS) | _named(state, ADAPTERS))
        began = _named(state, START)
        for name, tensor in start.items():
            tensor.copy_(began[name])
        stepper.optimizers.load_state_dict(
            _named(state, OPTIMIZER), num_steps=counters.optimizer_steps
        )
        restore_random_state(_named(state, RANDOM), device=model.wte.weight.device)
    except (KeyError, RuntimeError, TypeError) as error:
        raise ModelFileError(
            "the checkpoint is of another model or optimizer",
            hint="Use the settings it was made with, or begin anew without --resume.",
        ) from error
    model.recompute = counters.recomputes or config.activation_checkpointing
    if counters.micro_batch_size:
        stepper.micro_batch_size = min(counters.micro_batch_size, stepper.largest)
    stepper.steps_at_size = counters.steps_at_size
    if stepper.precision.name == "fp16":
        stepper.loss_scale.value = counters.loss_scale
        stepper.loss_scale.good_steps = counters.good_steps
    return counters


def _named(state: Snapshot, prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names begin with `prefix`, without it."""
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in state.tensors.items()
        if name.startswith(prefix)
    }
