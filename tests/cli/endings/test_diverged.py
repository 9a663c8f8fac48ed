"""A run that diverges, through the command line: what is told, and what is left."""

import json
from pathlib import Path
from typing import Any

import pytest

from lumina_cli.core.checkpoint.model_file import load_checkpoint, load_model
from tests.cli.command_line import lumina
from tests.cli.commands.test_train import TINY, VERSE

EXPLODING = ["--learning-rate", 10, "--weight-decay", 10, "--warmup-ratio", 0]
"""The matrices are multiplied by 1 - 10 · 10 at each step: soon they are no numbers."""


@pytest.fixture
def verse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "verse.txt"
    path.write_text(VERSE, encoding="utf-8")
    return path


def events() -> list[dict[str, Any]]:
    text = Path("Model.run", "metrics.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.usefixtures("verse")
@pytest.mark.parametrize("validation", [[], ["--val-fraction", 0]], ids=["measured", "unmeasured"])
def test_a_run_that_diverges_goes_back_twice_and_exits_76(
    capsys: pytest.CaptureFixture[str], validation: list[object]
) -> None:
    arguments = ["--data", "verse.txt", *TINY, *EXPLODING, *validation, "--max-steps", 300]
    assert lumina("train", *arguments, "--save-every", 5, "--num-evals", 150) == 76
    err = capsys.readouterr().err
    told = [event for event in events() if event["event"] == "RolledBack"]
    assert [event["lr_scale"] for event in told] == [0.5, 0.25]
    assert err.count("Training diverged at step") == 2
    assert "error: training diverged at step" in err
    assert "batch" in err.splitlines()[-2]
    assert "verse.txt" in err.splitlines()[-2]
    assert "lower --learning-rate" in err.splitlines()[-1]
    page = Path("Model.run", "report.html").read_text(encoding="utf-8")
    assert "Training diverged at step" in page
    checkpoints = list(Path("Model.run", "checkpoints").iterdir())
    assert checkpoints
    for path in checkpoints:
        load_checkpoint(path)  # refuses numbers that are not finite
    if validation:  # else it is known that each model said less than the untrained one
        load_model(Path("Model.pth"))
    else:
        assert not Path("Model.pth").exists()
