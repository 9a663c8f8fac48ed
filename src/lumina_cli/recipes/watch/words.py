"""What the figures of a run mean, in sentences."""

import math
from collections.abc import Sequence
from typing import Literal

from lumina_cli.recipes.run.report_page.buckets import Bucket
from lumina_cli.recipes.run.report_page.event_lines import figure
from lumina_cli.recipes.run.report_page.points import in_steps, mean_until
from lumina_cli.recipes.watch.reader import RunReader

State = Literal["running", "finished", "interrupted", "stopped", "empty"]

CLEARLY = 0.01
"""Of a loss: less is what measuring a part of a text, or the order of batches, comes to."""

MOST_S = 1e8
MOST_CHARS = 1e6
REASONS = {
    "epochs": "it did all its epochs",
    "max_steps": "it did all its steps",
    "minutes": "its time was over",
    "patience": "validation no longer improved",
}
GO_ON = "To go on with it: lumina train --resume, or lumina finetune --resume where that began it"


def state_in_words(state: State, reader: RunReader) -> str:
    """Return where a run is."""
    step = f"step {reader.last.get('step', 0):,}"
    if state == "running":
        return f"It goes on: {step}. {_left_in_words(seconds_left(reader))}".strip()
    if state == "finished":
        reason = REASONS.get(str(reader.last.get("reason")), "")
        return f"It ended at {step}{': ' * bool(reason)}{reason}."
    if state == "interrupted":
        return f"It was interrupted at {step}, and its state was saved. {GO_ON}"
    if state == "stopped":
        return (
            f"It ended at {step} without a word: it failed, or was killed, or the machine went "
            f"down. {GO_ON}"
        )
    return "Nothing has happened yet."


def seconds_left(reader: RunReader) -> float | None:
    """Return how long a run will still take at the pace of its newest steps."""
    if len(reader.pace) < 2:
        return None
    first, last = (
        [figure(event, name) or 0.0 for name in ("elapsed_s", "progress")]
        for event in (reader.pace[0], reader.pace[-1])
    )
    seconds, progress = last[0] - first[0], last[1] - first[1]
    if seconds <= 0 or progress <= 0:
        return None
    return min((1 - last[1]) * seconds / progress, MOST_S)


def choices(nats: float) -> str:
    """Return among how many equally likely characters a choice is as unsure as a loss."""
    number = math.exp(min(nats, 50.0))
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"


def sentences(reader: RunReader) -> list[str]:
    """Return what a run's figures mean, the most important first."""
    curves, facts = reader.history.curves, reader.history.facts
    training, measured = curves["loss"].ordered(), curves["nats_per_char"].ordered()
    chars_per_id = chars_per_id_of(reader)
    told = [
        *_unsure(training, chars_per_id),
        *_direction(training, measured, chars_per_id),
        *_beside(measured, figure(facts, "letters")),
        *_trouble(reader),
    ]
    return [sentence for sentence in told if sentence]


def chars_per_id_of(reader: RunReader) -> float:
    """Return for how many characters an id stands; older runs don't tell, and had one each."""
    told = figure(reader.history.facts, "chars_per_id")
    return told if told is not None and 1 / MOST_CHARS < told < MOST_CHARS else 1.0


def _unsure(training: Sequence[Bucket], chars_per_id: float) -> list[str]:
    if not training:
        return []
    first = training[0].mean / chars_per_id
    now = mean_until(training, training[-1].last_step) / chars_per_id
    return [
        f"Of each next character the model is now as unsure as if it chose among {choices(now)} "
        f"that are equally likely; at first it was among {choices(first)}."
    ]


def _direction(
    training: Sequence[Bucket], measured: Sequence[Bucket], chars_per_id: float
) -> list[str]:
    """Return what validation does while training goes on."""
    if len(measured) < 2 or not training:
        return []
    best, last = min(measured, key=lambda each: each.mean), measured[-1]
    if last.mean <= best.mean * (1 + CLEARLY):
        return ["Text that it has never seen surprises it less and less, too."]
    before = mean_until(training, best.last_step)
    after = mean_until(training, training[-1].last_step)
    if after < before * (1 - CLEARLY):
        return [
            f"Since {in_steps(best)} text that it has never seen surprises it more, while its own "
            "surprises it less: it learns its text by heart (overfitting). More text helps, or a "
            "smaller model."
        ]
    return [f"Since {in_steps(best)} it is worse on text that it has never seen."]


def _beside(measured: Sequence[Bucket], letters: float | None) -> list[str]:
    if not measured or letters is None:
        return []
    below = [each for each in measured if each.mean < letters]
    if not below:
        return ["It does not yet know more than how frequent each character is."]
    return [f"Since {in_steps(below[0])} it has known more than how frequent each character is."]


def _trouble(reader: RunReader) -> list[str]:
    counts = reader.counts
    told = {
        "BatchSplit": "memory was short, and steps were computed in smaller pieces: that is "
        "slower, and learns the same",
        "StepSkipped": "a loss was not a number (NaN), and the batch was left out",
        "RolledBack": "training went astray, and went back to an earlier state",
        "LossSpiked": "the loss of a step was far above the usual",
        "SaveFailed": "something could not be saved",
    }
    lines = [f"{_times(counts[name])} {what}." for name, what in told.items() if counts.get(name)]
    if reader.num_broken:
        lines.append(
            f"{reader.num_broken:,} lines of metrics.jsonl are torn or unknown, and left out."
        )
    return lines


def _times(number: int) -> str:
    return "Once" if number == 1 else f"{number:,} times"


def _left_in_words(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes = seconds / 60
    if minutes < 1:
        return "Less than a minute is left."
    if minutes < 90:
        return f"About {minutes:.0f} minutes are left, at the pace of the last 50 steps."
    return f"About {minutes / 60:.0f} hours are left, at the pace of the last 50 steps."
