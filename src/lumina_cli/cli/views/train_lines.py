"""What happens in a training run, as lines of text: for logs, and for what a live view adds."""

import math

from lumina_cli.cli.formatting import format_bytes
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.events import (
    EpochDone,
    Evaluated,
    Paced,
    Sampled,
)
from lumina_cli.recipes.run.event_text import trouble_line
from lumina_cli.recipes.run.events import CheckpointSaved, RunEvent
from lumina_cli.recipes.train.plan import Plan


def settings_lines(plan: Plan, *, config: TrainingConfig, settings: dict[str, object]) -> list[str]:
    """Return what a log says first: sizes, lengths and every setting."""
    values = ", ".join(f"{name}={value}" for name, value in settings.items() if value is not None)
    return [
        f"Data: {', '.join(plan.data)} ({plan.train.chars:,} characters for training, "
        f"{plan.validation.chars:,} for validation)",
        f"Model parameters: {plan.num_parameters:,}",
        f"Memory: about {format_bytes(plan.memory.total)}",
        f"Device: {plan.device}, {plan.precision.name} ({plan.precision.why})",
        f"Training steps: {_steps(plan, config)}",
        f"Settings: {values}",
    ]


def log_line(event: RunEvent) -> str | None:
    """Return the line of a log for an event, if it has one."""
    match event:
        case EpochDone():
            return epoch_line(event)
        case Evaluated():
            return f"Step {event.step:>6} | {validation_text(event)}"
        case Sampled(number=0):
            return f"Step {event.step:>6} | Sample: {one_line(event.text)}"
        case CheckpointSaved():
            return f"Step {event.step:>6} | Saved: {event.path} ({event.seconds:.1f}s)"
    return trouble_line(event)


def pace_text(event: Paced) -> str:
    """Return how the processes that train together keep up with each other."""
    return (
        f"{event.num_ranks} processes, {event.waiting:.0%} of their time waiting, most for "
        f"rank {event.slowest}"
    )


def epoch_line(event: EpochDone) -> str:
    """Return the figures of an epoch."""
    return (
        f"Epoch {event.epoch + 1:>3} | Loss: {event.loss:.4f} | "
        f"Accuracy: {event.accuracy:.2%} | LR: {event.learning_rate:.2e} | "
        f"Time: {event.seconds:.1f}s | Elapsed: {event.elapsed_s:.1f}s"
    )


def validation_text(event: Evaluated) -> str:
    """Return the figures of an evaluation."""
    if math.isnan(event.nats_per_char):
        return "no validation text"
    best = " (best so far)" if event.is_best else ""
    if event.is_worse_than_untrained:
        best = " (worse than untrained)"
    kept = event.base_loss
    old = "" if kept is None else f", kept: {kept:.4f} nats/char on the old text"
    if event.alpha < 1:
        old += f" (with {event.alpha:.0%} of what was learnt)"
    return (
        f"Validation: {event.nats_per_char:.4f} nats/char, {event.bits_per_char:.4f} bits/char, "
        f"accuracy {event.accuracy:.2%}{best}{old}"
    )


def one_line(text: str) -> str:
    """Return a sample on one line."""
    return " ⏎ ".join(line for line in text.split("\n") if line.strip()) or "(nothing)"


def _steps(plan: Plan, config: TrainingConfig) -> str:
    if plan.steps is None:
        return f"as many as the time allows (warmup: {config.warmup_ratio:.0%} of it)"
    return f"{plan.steps} (warmup: {round(plan.steps * config.warmup_ratio)})"
