"""What ends a run, and how far it is.

Progress runs from 0 to 1 and never falls, whatever ends the run: passes over the text,
steps, or the clock. So one schedule serves them all.
"""

from dataclasses import dataclass

from lumina_cli.core.training.events import StopReason


@dataclass(frozen=True, slots=True)
class Position:
    """How far a run is: optimizer steps, passes over the text, seconds."""

    num_steps: int
    passes: float
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What ends the run: whichever comes first."""

    epochs: int | None
    max_steps: int | None
    seconds: float | None

    def progress(self, position: Position) -> float:
        """Return the share of the run that is done at `position`, at most 1."""
        return min(max(share for share, _ in self._shares(position)), 1.0)

    def reached(self, position: Position) -> StopReason | None:
        """Return which limit is reached at `position`, if any."""
        return next((why for share, why in self._shares(position) if share >= 1), None)

    def _shares(self, position: Position) -> list[tuple[float, StopReason]]:
        shares: list[tuple[float, StopReason]] = []
        if self.max_steps is not None:
            shares.append((position.num_steps / self.max_steps, "max_steps"))
        if self.epochs is not None:
            shares.append((position.passes / self.epochs, "epochs"))
        if self.seconds is not None:
            share = position.elapsed_s / self.seconds if self.seconds > 0 else 1.0
            shares.append((share, "minutes"))
        assert shares, "a run needs an end"
        return shares
