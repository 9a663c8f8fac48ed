"""What the model says while it is trained, and when it is asked."""

import math
from collections.abc import Callable, Sequence
from functools import partial

from lumina_cli.core.memory import none_on_oom
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.training.clock import RunClock
from lumina_cli.core.training.events import Sampled, SampleSkipped
from lumina_cli.core.training.parallel.rank import Rank

Sample = Callable[[Transformer], list[str]]
"""Makes a text for each prompt."""

SAMPLE_EVERY_S = 20.0
FIRST_SAMPLE_S = 2.0
SAMPLE_SHARE = 0.05
"""Of the time, at most, for samples of a model that says them slowly."""

FREE_S, FREE_SHARE = 2.0, 0.01
"""Samples of the first steps, which pass in no time, may take so long in all, or this share of what
the run will take. They count as long as the quickest: a machine may stand still meanwhile."""

NUM_TRIALS = 2
"""Samples by which it is known how long one takes."""


def is_milestone(step: int) -> bool:
    """Whether a step is 0, 1, 2, 4, 8 …: a model changes most at first."""
    return step & (step - 1) == 0


class Samples:
    """Shows what a model says: by the clock, and whenever its steps have doubled.

    Args:
        sample: makes the samples; without it there are none.
        prompts: that it answers; None is nothing.
        seed: that it draws by.
        seconds: that the run may take.
        clock: of the run.
        rank: the first of them makes the samples.
    """

    def __init__(
        self,
        sample: Sample | None,
        *,
        prompts: Sequence[str | None],
        seed: int,
        seconds: float | None,
        clock: RunClock,
        rank: Rank,
    ) -> None:
        self.sample = sample
        self._prompts = prompts
        self._seed = seed
        self._free_s = FREE_S if seconds is None else min(FREE_S, FREE_SHARE * seconds)
        self._clock = clock
        self._rank = rank
        self._next_s = 0.0
        self._num_milestones, self._quickest_s = 0, math.inf
        self._last_step = -1

    def start(self) -> None:
        """Ask for the first one by the clock soon."""
        self._next_s = self._clock.now_s + FIRST_SAMPLE_S

    def show_if_due(
        self, model: Transformer, *, step: int, progress: float
    ) -> list[Sampled | SampleSkipped]:
        """Return what the model says, where it is time for it; the model trains on.

        Args:
            model: as it is now.
            step: how many are done.
            progress: which part of the run is done.
        """
        if self.sample is None or step == self._last_step or not self._is_due(step, progress):
            return []
        self._last_step = step
        started_s = self._clock.now_s
        texts = none_on_oom(partial(self.sample, model)) if self._rank.index == 0 else None
        texts = self._rank.broadcast(texts)
        model.train()
        self._quickest_s = min(self._quickest_s, self._clock.look() - started_s)
        self._num_milestones += is_milestone(step)
        if started_s >= self._next_s:
            self._next_s = started_s + max(SAMPLE_EVERY_S, self._quickest_s / SAMPLE_SHARE)
        if texts is None:
            return [SampleSkipped(step)]
        return [
            Sampled(step, text, prompt, self._seed, number)
            for number, (prompt, text) in enumerate(zip(self._prompts, texts, strict=True))
        ]

    def _is_due(self, step: int, progress: float) -> bool:
        if self._clock.now_s >= self._next_s:
            return True
        if not is_milestone(step):
            return False
        elapsed_s = self._clock.elapsed_s
        whole_s = elapsed_s / progress if progress else 0.0
        may_take_s = max(self._free_s + SAMPLE_SHARE * elapsed_s, FREE_SHARE * whole_s)
        return (
            self._num_milestones < NUM_TRIALS
            or self._num_milestones * self._quickest_s <= may_take_s
        )
