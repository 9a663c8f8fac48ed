"""What the model says while it is trained, and when it is asked."""

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
"""Samples of the first steps, which pass in no time, may take so long in all; of a run by the
clock this share of it."""


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
        self._next_s = self._taken_s = 0.0
        self._last_step = -1

    def start(self) -> None:
        """Ask for the first one by the clock soon."""
        self._next_s = self._clock.now_s + FIRST_SAMPLE_S

    def show_if_due(self, model: Transformer, *, step: int) -> list[Sampled | SampleSkipped]:
        """Return what the model says, where it is time for it; the model trains on."""
        if self.sample is None or step == self._last_step or not self._is_due(step):
            return []
        self._last_step = step
        started_s = self._clock.now_s
        texts = none_on_oom(partial(self.sample, model)) if self._rank.index == 0 else None
        texts = self._rank.broadcast(texts)
        model.train()
        taken_s = self._clock.look() - started_s
        self._taken_s += taken_s
        if started_s >= self._next_s:
            self._next_s = started_s + max(SAMPLE_EVERY_S, taken_s / SAMPLE_SHARE)
        if texts is None:
            return [SampleSkipped(step)]
        return [
            Sampled(step, text, prompt, self._seed, number)
            for number, (prompt, text) in enumerate(zip(self._prompts, texts, strict=True))
        ]

    def _is_due(self, step: int) -> bool:
        if self._clock.now_s >= self._next_s:
            return True
        may_take_s = self._free_s + SAMPLE_SHARE * self._clock.elapsed_s
        return is_milestone(step) and self._taken_s <= may_take_s
