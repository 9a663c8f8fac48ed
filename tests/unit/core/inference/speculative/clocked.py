"""Texts whose passes take the time they are told to."""

import itertools
from collections.abc import Callable, Iterable

from lumina_cli.core.inference.speculative.ngram import NgramProposer
from lumina_cli.core.inference.speculative.policy import SpeculationPolicy
from lumina_cli.core.inference.speculative.speculator import Speculator


class Clock:
    """Seconds that pass as told."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Silent(NgramProposer):
    """Proposes anything, at no cost; whether it is right is told elsewhere."""

    def learn(self, ids: Iterable[int]) -> None:
        pass

    def propose(self, *, num_ids: int) -> list[int]:
        return [0] * num_ids


def run_policy(
    *,
    wide_s: float | Callable[[int], float],
    ids_per_draft: int | Callable[[int], int],
    num_ids: int,
    alone_s: Callable[[int], float] = lambda number: 1.0,
) -> tuple[float, Speculator]:
    """Return the time for `num_ids` ids, and the speculator.

    A pass takes what is told of its number; a pass with draft tokens would choose what is told of
    the number of the first id.
    """
    clock = Clock()
    speculator = Speculator(policy=SpeculationPolicy(clock=clock))
    speculator._proposer = Silent()
    num_said = until = 0  # until where draft tokens are right
    for number in itertools.count():
        if num_said >= num_ids:
            break
        if num_said == until:
            until += ids_per_draft if isinstance(ids_per_draft, int) else ids_per_draft(num_said)
        speculator.start()
        draft_tokens = speculator.propose(7)
        a_wide_s = wide_s if isinstance(wide_s, float) else wide_s(number)
        clock.now_s += a_wide_s if draft_tokens else alone_s(number)
        end = until if draft_tokens else num_said + 1
        speculator.stop(range(num_said, end), num_draft_tokens=len(draft_tokens))
        num_said = end
    return clock.now_s, speculator
