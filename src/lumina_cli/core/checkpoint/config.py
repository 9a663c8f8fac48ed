"""How often a run is saved (no torch)."""

import re

from pydantic import BaseModel, ConfigDict, Field, field_validator

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_PATTERN = re.compile(r"([1-9]\d{0,8})([smh]?)")


class CheckpointConfig(BaseModel):
    """How often a run is saved, and how much of it is kept."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    save_every: str = Field(
        "10m", description="Steps or time between two checkpoints: 500, 90s, 10m, 2h."
    )
    keep_checkpoints: int = Field(
        2, ge=1, le=10_000, description="Number of newest checkpoints to keep, besides the best."
    )
    snapshots_mb: int = Field(
        100,
        ge=0,
        le=1_000_000,
        description="Keep the weights after 0, 1, 2, 4, 8 … steps, the newest 12 in fp16, if "
        "all take at most this many MB; 0 keeps none.",
    )

    @field_validator("save_every")
    @classmethod
    def _is_steps_or_time(cls, text: str) -> str:
        if not _PATTERN.fullmatch(text):
            raise ValueError(f"must be steps or a time such as 500 or 10m, not {text[:40]!r}")
        return text

    @property
    def every_steps(self) -> int | None:
        """Steps between two checkpoints; None where time decides."""
        number, unit = self._parts()
        return None if unit else number

    @property
    def every_s(self) -> float | None:
        """Seconds between two checkpoints; None where steps decide."""
        number, unit = self._parts()
        return number * _SECONDS[unit] if unit else None

    def _parts(self) -> tuple[int, str]:
        match = _PATTERN.fullmatch(self.save_every)
        assert match is not None, self.save_every
        return int(match[1]), match[2]
