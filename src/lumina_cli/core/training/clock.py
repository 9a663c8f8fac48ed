"""The clock of a run: seconds of training, the same on all ranks."""

from lumina_cli.core.training.parallel.rank import Clock, Rank


class RunClock:
    """Tells the time when it is looked at, so that all that is decided by it agrees.

    Args:
        clock: seconds from anywhere.
        rank: the first of them has the time of all.
    """

    def __init__(self, clock: Clock, *, rank: Rank) -> None:
        self.now_s = 0.0
        self._clock = clock
        self._rank = rank
        self._resumed_s = 0.0

    @property
    def elapsed_s(self) -> float:
        """Seconds of training, when it was last looked at the clock."""
        return self.now_s - self._resumed_s

    def look(self) -> float:
        """Return the time; on all ranks that of the first, as of what they last told each other."""
        self.now_s = self._rank.time(self._clock)
        return self.now_s

    def look_anew(self) -> float:
        """Return the time after what no rank was told of: files were written, say."""
        self._rank.sum(())
        return self.look()

    def resume(self, elapsed_s: float) -> None:
        """Go on from so many seconds of training."""
        self._resumed_s = self.now_s - elapsed_s
