"""Gradients summed over ranks while backward goes on.

Stretches of the flat gradients are summed in place, in an order that all ranks share: that in
which a backward pass completes them. One that never completes (memory ran out, a parameter took
no part) is summed at the end all the same, so that every rank starts the same sums.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from torch import Tensor, nn

STRETCH = 1 << 20
"""Numbers summed at once, at least: fewer take as long, and more of them begin later."""


class Work(Protocol):
    """A sum that was begun."""

    def wait(self) -> object: ...


@dataclass(eq=False)
class Stretch:
    """A part of a flat gradient, and whose it is.

    `last` is the place of its first parameter in the order of the model: backward comes there last.
    """

    gradient: Tensor
    parameters: list[nn.Parameter]
    last: int
    num_missing: int = 0


class OverlappedSum:
    """Sums gradients as they become complete.

    Args:
        parameters: in the order in which the model computes with them.
        gradients: in which those of the parameters lie end to end.
        start: begins the sum of a tensor over all ranks, in place.
        wait_for: waits for sums that were begun.
        least: numbers that are summed at once.
    """

    def __init__(
        self,
        parameters: Sequence[nn.Parameter],
        gradients: Sequence[Tensor],
        *,
        start: Callable[[Tensor], Work],
        wait_for: Callable[[Sequence[Work]], None],
        least: int = STRETCH,
    ) -> None:
        self._start = start
        self._wait_for = wait_for
        self._stretches = plan_stretches(parameters, gradients, least=least)
        self._works: list[Work] = []
        self._is_begun = False
        self._error: Exception | None = None
        for stretch in self._stretches:
            for parameter in stretch.parameters:
                completed = partial(self._completed, stretch)
                parameter.register_post_accumulate_grad_hook(completed)  # type: ignore[no-untyped-call]

    def begin(self) -> None:
        """Begin with what is complete while the next backward pass, the last one, goes on."""
        self._is_begun = True
        for stretch in self._stretches:
            stretch.num_missing = len(stretch.parameters)

    def finish(self) -> None:
        """Sum all that is left, and wait until all is there."""
        self._is_begun = False
        works, error = self._works, self._error
        self._works, self._error = [], None
        if error is not None:
            raise error
        works += [self._start(each.gradient) for each in self._stretches[len(works) :]]
        self._wait_for(works)

    def _completed(self, stretch: Stretch, _: Tensor) -> None:
        if not self._is_begun or self._error is not None:
            return
        stretch.num_missing -= 1
        waiting = self._stretches[len(self._works) :]
        try:
            for each in waiting:
                if each.num_missing:
                    break
                self._works.append(self._start(each.gradient))
        except Exception as error:  # autograd would tell it as its own; `finish` does it better
            self._error = error


def plan_stretches(
    parameters: Sequence[nn.Parameter], gradients: Sequence[Tensor], *, least: int
) -> list[Stretch]:
    """Return the stretches of flat gradients in the order in which backward completes them."""
    where = {p.grad.data_ptr(): (n, p) for n, p in enumerate(parameters) if p.grad is not None}
    stretches: list[Stretch] = []
    for flat in gradients:
        start = stop = 0
        members: list[tuple[int, nn.Parameter]] = []
        while stop < len(flat):
            number, parameter = where[flat[stop:].data_ptr()]
            members.append((number, parameter))
            stop += parameter.numel()
            if stop - start >= least or stop == len(flat):
                last = min(number for number, _ in members)
                stretches.append(Stretch(flat[start:stop], [p for _, p in members], last))
                start, members = stop, []
    return sorted(stretches, key=lambda stretch: -stretch.last)
