"""`--tensorboard`, with the extra and without it."""

import sys
from pathlib import Path

import pytest

from tests.cli.command_line import lumina
from tests.cli.commands.test_train import TINY, VERSE


@pytest.fixture
def arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "verse.txt").write_text(VERSE, encoding="utf-8")
    return ["--data", "verse.txt", *TINY, "--max-steps", 4, "-q", "--tensorboard"]


def test_the_figures_of_every_step_can_be_read_again(arguments: list[object]) -> None:
    reader = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="the tensorboard extra is not installed",
    )
    assert lumina("train", *arguments) == 0
    written = reader.EventAccumulator("Model.run/tensorboard")
    written.Reload()
    assert [scalar.step for scalar in written.Scalars("train/loss")] == [1, 2, 3, 4]
    assert 0 in [scalar.step for scalar in written.Scalars("validation/bits_per_char")]


def test_without_the_extra_the_way_to_get_it_is_told_before_training(
    arguments: list[object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    assert lumina("train", *arguments) == 2
    assert "pip install tensorboard" in capsys.readouterr().err
    assert not Path("Model.pth").exists()
