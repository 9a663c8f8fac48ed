"""What happened, in sentences."""

import pytest

from lumina_cli.recipes.run.event_text import sentence_of


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ({"event": "RunStarted", "step": 0}, "The run began."),
        ({"event": "RunStarted", "step": 7}, "Resuming from step 7."),
        (
            {"event": "Finished", "step": 9, "reason": "minutes", "elapsed_s": 60.0},
            "The run ended: the time is over.",
        ),
        (
            {"event": "StepSkipped", "step": 3, "epoch": 0, "batch_index": 1, "is_overflow": True},
            "fp16 overflowed; the step is skipped, the scale is halved.",
        ),
        ({"event": "Interrupted", "step": 3}, "The run was told to stop."),
        (
            {"event": "BatchGrown", "step": 5, "micro_batch_size": 1},
            "there is memory again for 1 window.",
        ),
    ],
)
def test_an_event_is_told_in_a_sentence(event: dict[str, object], told: str) -> None:
    assert sentence_of(event) == told


@pytest.mark.parametrize(
    "event",
    [
        {"event": "Begun", "step": 0},
        {"event": "Finished", "step": 9, "reason": "tired", "elapsed_s": 1.0},
        {"event": "LossSpiked", "step": 4},
        {"event": "LossSpiked", "step": 4, "loss": "much", "ema_loss": None},
    ],
)
def test_an_event_of_another_version_has_no_sentence(event: dict[str, object]) -> None:
    assert sentence_of(event) == ""
