"""What the model says while it is trained, and when it is asked."""

from collections.abc import Callable
from functools import partial

from lumina_cli.core.memory import none_on_oom
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.training.clock import RunClock
from lumina_cli.core.training.events import Sampled, SampleSkipped
from lumina_cli.core.training.parallel.rank import Rank

Sample = Callable[[Transformer], str]

SAMPLE_EVERY_S = 20.0
FIRST_SAMPLE_S = 2.0
SAMPLE_SHARE = 0.05
"""Of the time, at most, for samples of a model that says them slowly."""


class Samples:
    """Shows by the clock what a model says.

    Args:
        sample: makes a sample; without it there are none.
        clock: of the run.
        rank: the first of them makes the samples.
    """

    def __init__(self, sample: Sample | None, *, clock: RunClock, rank: Rank) -> None:
        self.sample = sample
        self._clock = clock
        self._rank = rank
        self._next_s = 0.0

    def start(self) -> None:
        """Ask for the first one soon."""
        self._next_s = self._clock.now_s + FIRST_SAMPLE_S

    def show_if_due(self, model: Transformer, *, step: int) -> list[Sampled | SampleSkipped]:
        """Return what the model says, where it is time for it; the model trains on."""
        if self.sample is None or self._clock.now_s < self._next_s:
            return []
        started_s = self._clock.now_s
        text = none_on_oom(partial(self.sample, model)) if self._rank.index == 0 else None
        text = self._rank.broadcast(text)
        model.train()
        taken_s = self._clock.look() - started_s
        self._next_s = started_s + max(SAMPLE_EVERY_S, taken_s / SAMPLE_SHARE)
        return [SampleSkipped(step) if text is None else Sampled(step, text)]
