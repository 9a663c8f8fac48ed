"""How long what comes next will take, so that a run by the clock ends in time."""

from collections import deque
from statistics import median_low

from lumina_cli.core.training.state import TrainState


class TimeBudget:
    """Learns from each step how long the next will take; the state keeps what it found."""

    def __init__(self) -> None:
        self._newest_s: deque[float] = deque(maxlen=3)
        self._compiled_length = 0

    def note_step(
        self, taken_s: float, *, state: TrainState, seq_length: int, is_compiled: bool
    ) -> None:
        """Foretell the next step; one that was held up, or had to be compiled, tells nothing.

        Args:
            taken_s: seconds that the step took.
            state: where the next step's are written.
            seq_length: of its windows; the first step of each length is compiled.
            is_compiled: whether there is a compiler at work.
        """
        if is_compiled and self._compiled_length != seq_length:
            self._compiled_length = seq_length
            return
        self._newest_s.append(taken_s)
        state.step_s = median_low(self._newest_s)


def note_saving(taken_s: float, *, state: TrainState) -> None:
    """Keep how long it took to save the best model: the shortest yet.

    The first also counts the statistics that drafts are made from.
    """
    state.save_s = min(state.save_s, taken_s) if state.save_s > 0 else taken_s


def reserve_s(state: TrainState, *, slowdown: float = 1.0) -> float:
    """Return the seconds for another step, and then the last evaluation and saving.

    Args:
        state: how long the last ones took.
        slowdown: how many times as long as the last one an evaluation may take.
    """
    saving_s = max(state.save_s, state.evaluation_s)  # not less, to be on the safe side
    return state.step_s + slowdown * state.evaluation_s + saving_s
