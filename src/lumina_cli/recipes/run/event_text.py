"""What happens in a run, in sentences: for the screen, the log and the report."""

from collections.abc import Mapping
from typing import get_args

from lumina_cli.core.training.events import (
    BatchGrown,
    BatchSplit,
    CompileFailed,
    Finished,
    Interrupted,
    LossSpiked,
    Overfits,
    RolledBack,
    SampleSkipped,
    StepSkipped,
)
from lumina_cli.recipes.run.events import RunEvent, RunStarted, SaveFailed

_KINDS = {kind.__name__: kind for kind in get_args(RunEvent)}
_REASONS = {
    "epochs": "all epochs are done",
    "max_steps": "all steps are done",
    "minutes": "the time is over",
    "patience": "the validation loss stopped improving",
    "interrupted": "it was stopped",
}


def _windows(number: int) -> str:
    return f"{number} window{'' if number == 1 else 's'}"


def trouble_line(event: RunEvent) -> str | None:
    """Return what a person should notice, whatever the view; None for the usual course."""
    match event:
        case RunStarted() if event.step:
            return f"Resuming from step {event.step}."
        case BatchSplit():
            again = " and activations are computed twice" if event.activation_checkpointing else ""
            return (
                f"Memory ran out at step {event.step}: done again in micro-batches of "
                f"{_windows(event.micro_batch_size)}{again}; the gradient is the same."
            )
        case BatchGrown():
            windows = _windows(event.micro_batch_size)
            return f"Step {event.step}: there is memory again for {windows}."
        case SampleSkipped():
            return f"Step {event.step}: no memory for a sample."
        case CompileFailed():
            return f"Not compiled, which is slower but works as well: {event.why}"
        case StepSkipped(is_overflow=True):
            return f"Step {event.step}: fp16 overflowed; the step is skipped, the scale is halved."
        case StepSkipped():
            return (
                f"Step {event.step}: loss or gradient is not a number; the batch is skipped "
                f"(epoch {event.epoch + 1}, batch {event.batch_index + 1})."
            )
        case LossSpiked():
            return (
                f"Step {event.step}: the loss jumped to {event.loss:.3f} "
                f"(usual by now: {event.ema_loss:.3f})."
            )
        case RolledBack():
            return (
                f"Training diverged at step {event.from_step}: back to step {event.step}, "
                f"{_past_data(event)}at {event.lr_scale:g} times the learning rate."
            )
        case Overfits():
            return (
                f"Step {event.step}: validation was best at step {event.best_step} "
                f"({event.best_nats_per_char:.4f} nats/char) and is worse now "
                f"({event.nats_per_char:.4f}): the model starts to overfit. "
                "The best model is kept. More text, or more --dropout, helps."
            )
        case SaveFailed():
            return f"Not saved at step {event.step}: {event.why}. Training goes on."
        case Interrupted():
            return f"Stopping after step {event.step}."
    return None


def sentence_of(event: Mapping[str, object]) -> str:
    """Return an event of `metrics.jsonl` in a sentence; nothing where it is of another version."""
    kind = _KINDS.get(str(event.get("event")))
    if kind is None:
        return ""
    try:
        happened = kind(**{name: value for name, value in event.items() if name != "event"})
        line = _line_of_page(happened)
    except (TypeError, ValueError, KeyError):
        return ""
    return line.removeprefix(f"Step {event['step']}: ")


def _line_of_page(event: RunEvent) -> str:
    match event:
        case RunStarted(step=0):
            return "The run began."
        case Finished():
            return f"The run ended: {_REASONS[event.reason]}."
        case Interrupted():
            return "The run was told to stop."
    return trouble_line(event) or ""


def _past_data(event: RolledBack) -> str:
    if event.batch_index is None:
        return ""
    return f"past the data up to epoch {event.epoch + 1}, batch {event.batch_index + 1}, "
