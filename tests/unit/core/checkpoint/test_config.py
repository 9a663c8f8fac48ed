"""How often a run is saved: by steps or by time."""

import pytest
from pydantic import ValidationError

from lumina_cli.core.checkpoint.config import CheckpointConfig


@pytest.mark.parametrize(
    ("save_every", "steps", "seconds"),
    [("500", 500, None), (7, 7, None), ("90s", None, 90), ("10m", None, 600), ("2h", None, 7200)],
)
def test_steps_and_times_are_told_apart(
    save_every: object, steps: int | None, seconds: float | None
) -> None:
    config = CheckpointConfig.model_validate({"save_every": save_every})
    assert (config.every_steps, config.every_s) == (steps, seconds)


@pytest.mark.parametrize("save_every", ["", "0", "-5", "10 m", "1d", "1.5h", "9" * 30])
def test_what_is_neither_is_refused(save_every: str) -> None:
    with pytest.raises(ValidationError, match="steps or a time"):
        CheckpointConfig(save_every=save_every)
