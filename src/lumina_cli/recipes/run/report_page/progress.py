"""What a model said in the course of a run, from noise to words.

A sample of each time that the steps have doubled is shown; those between are folded, and so are
those that say the same as the one before.
"""

import html
from bisect import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from lumina_cli.recipes.run.report_page.buckets import Buckets
from lumina_cli.recipes.run.report_page.event_lines import Event
from lumina_cli.recipes.run.report_page.history import FirstAndLast
from lumina_cli.recipes.run.report_page.loss_chart import loss

NUM_SHOWN = 8
"""More of them repeat each other."""


@dataclass(frozen=True, slots=True)
class Said:
    """A text, and from which step to which the model said it."""

    text: str
    first_step: int
    last_step: int
    num_times: int


def progress_section(
    samples: Sequence[FirstAndLast], *, training: Buckets, chars_per_id: float
) -> str:
    """Return the samples of a run, by prompt; empty where there are none."""
    at = _LossAt(training, chars_per_id)
    parts = "".join(_part(each, at) for each in samples if each.first or each.last)
    return f"<section><h2>What it said</h2>{parts}</section>" if parts else ""


def _part(samples: FirstAndLast, at: "_LossAt") -> str:
    """Return the samples of a prompt."""
    early, late = _folded(samples.first), _folded(samples.last)
    shown = _shown([*early, *late])
    left_out = f"<li>and {samples.num_left_out:,} more</li>" if samples.num_left_out else ""
    listed = _listed(early, shown, at) + left_out + _listed(late, shown, at)
    return f'{_asked([*samples.first, *samples.last][-1])}<ol class="said">{listed}</ol>'


class _LossAt:
    """The training loss of any step, in nats a character."""

    def __init__(self, training: Buckets, chars_per_id: float) -> None:
        self._buckets = training.ordered()
        self._firsts = [each.first_step for each in self._buckets]
        self._chars_per_id = chars_per_id

    def step(self, step: int) -> float | None:
        """Return it at a step, or about it; None before the first."""
        index = bisect(self._firsts, step) - 1
        return self._buckets[index].mean / self._chars_per_id if index >= 0 else None


def _asked(sample: Event) -> str:
    """Return what came before a text; older runs don't tell."""
    if "prompt" not in sample:
        return ""
    told = "Each time, the model began a text from nothing."
    if sample["prompt"] is not None:
        told = f"Each time, the prompt was: {html.escape(str(sample['prompt']))}"
    return f'<p class="quiet">{told}</p>'


def _folded(samples: Iterable[Event]) -> list[Said]:
    """Return the samples with those made one that say the same in a row."""
    folded = []
    for text, group in groupby(samples, key=lambda event: str(event.get("text", "")).strip()):
        steps = [event["step"] for event in group]
        folded.append(Said(text, steps[0], steps[-1], len(steps)))
    return folded


def _shown(said: Sequence[Said]) -> set[int]:
    """Return the first steps of those to show: first, last, and where steps have doubled."""
    if len(said) <= NUM_SHOWN:
        return {each.first_step for each in said}
    last = said[-1].first_step
    shown = {said[0].first_step, last}
    for halvings in range(1, NUM_SHOWN - 1):
        goal = last / 2**halvings
        shown.add(min((each.first_step for each in said), key=lambda step: abs(step - goal)))
    return shown


def _listed(said: Sequence[Said], shown: set[int], at: _LossAt) -> str:
    parts = []
    for is_shown, group in groupby(said, key=lambda each: each.first_step in shown):
        several = list(group)
        items = "".join(_item(each, at) for each in several)
        if is_shown:
            parts.append(items)
            continue
        steps = f"step {several[0].first_step:,}"
        if len(several) > 1:
            steps = f"steps {several[0].first_step:,} to {several[-1].last_step:,}"
        parts.append(
            f"<li><details><summary>{len(several):,} more, {steps}</summary>"
            f"<ol>{items}</ol></details></li>"
        )
    return "".join(parts)


def _item(said: Said, at: _LossAt) -> str:
    head = f"step {said.first_step:,}"
    if said.num_times > 1:
        head = f"steps {said.first_step:,} to {said.last_step:,}, the same {said.num_times:,} times"
    if (nats := at.step(said.first_step)) is not None:
        head += f", training loss {loss(nats)}"
    text = html.escape(said.text) or '<span class="quiet">(nothing)</span>'
    return f'<li><div class="quiet">{head}</div><pre>{text}</pre></li>'
