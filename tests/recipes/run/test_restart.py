"""A launcher that begins a run anew: it goes on, and what lay there before stays aside."""

from pathlib import Path

import pytest

from lumina_cli.recipes.run.ranks.restart import goes_on, is_of_this_launch, mark_launch

PLACE = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_PORT": "1", "TORCHELASTIC_RUN_ID": "mine"}


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in PLACE.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def begun(folder: Path) -> Path:
    run = folder / "Model.run"
    (run / "checkpoints").mkdir(parents=True)
    mark_launch(run)
    return run


def test_only_what_this_launch_began_is_gone_on_with(
    launched: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run, model = begun(tmp_path), tmp_path / "Model.pth"
    assert not is_of_this_launch(run)  # it was not begun anew
    launched.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert is_of_this_launch(run)
    assert not goes_on(model)  # nothing was saved
    (run / "checkpoints" / "step-00000003.pth").touch()
    assert goes_on(model)
    launched.setenv("TORCHELASTIC_RUN_ID", "another")
    assert not goes_on(model)


def test_a_process_alone_marks_nothing(tmp_path: Path) -> None:
    run = begun(tmp_path)
    assert not (run / "launch").exists()
    assert not is_of_this_launch(run)
