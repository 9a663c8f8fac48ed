"""What a step is told as, once it is done: figures, and what memory or a compiler did."""

from lumina_cli.core.training.events import (
    BatchGrown,
    BatchSplit,
    CompileFailed,
    LossSpiked,
    StepDone,
    TrainEvent,
)
from lumina_cli.core.training.state import TrainState
from lumina_cli.core.training.step import Stepper, StepResult
from lumina_cli.data.batches import Batch
from lumina_cli.tokenizer.base import Tokenizer


def tell_step(
    result: StepResult,
    batch: Batch,
    *,
    tokenizer: Tokenizer,
    counters: TrainState,
    elapsed_s: float,
) -> StepDone:
    """Return the event of a step that was just counted."""
    return StepDone(
        step=counters.num_steps,
        epoch=counters.epoch,
        loss=result.loss,
        accuracy=result.accuracy,
        grad_norm=result.grad_norm,
        learning_rate=counters.learning_rate,
        num_chars=round(batch.num_ids * tokenizer.chars_per_id),
        progress=counters.progress,
        elapsed_s=elapsed_s,
    )


def tell_spike(result: StepResult, *, counters: TrainState) -> LossSpiked:
    """Return the event of a loss far above the usual one."""
    assert counters.usual_loss is not None
    return LossSpiked(counters.num_steps, result.loss, counters.usual_loss)


def tell_memory(stepper: Stepper, *, before: tuple[int, bool], step: int) -> list[TrainEvent]:
    """Return what changed of the windows at once and the activations kept since `before`."""
    size, recomputes = stepper.micro_batch_size, stepper.model.recompute
    if size > before[0]:
        return [BatchGrown(step, size)]
    if (size, recomputes) != before:
        return [BatchSplit(step, size, recomputes)]
    return []


def tell_compiling(stepper: Stepper, *, step: int) -> list[TrainEvent]:
    """Return that the model could not be compiled, once; it is computed as it is from there."""
    compiled = stepper.compiled
    if compiled is None or compiled.failure is None:
        return []
    stepper.compiled = None
    return [CompileFailed(step, compiled.failure)]
