"""Snapshots of a run: model files that anybody can open, some of them, and no trouble."""

import json
from pathlib import Path

import pytest
import torch

from lumina_cli.core.checkpoint.model_file import load_model
from lumina_cli.errors import StorageError
from lumina_cli.recipes.run.events import SaveFailed, SnapshotSaved
from lumina_cli.recipes.run.saving import snapshots
from lumina_cli.recipes.run.saving.snapshots import Snapshots, snapshot_path, snapshot_steps
from tests.unit.recipes.tiny import tiny_run


def test_a_run_keeps_the_weights_whenever_its_steps_have_doubled(tmp_path: Path) -> None:
    run = tiny_run(tmp_path, max_steps=9)
    weights = {}
    for event in run.run():
        if isinstance(event, SnapshotSaved):
            weights[event.step] = run.job.model.wte.weight.detach().clone()
    folder = tmp_path / "Model.run"
    assert snapshot_steps(folder) == [0, 1, 2, 4, 8] == sorted(weights)
    told = [json.loads(line) for line in (folder / "metrics.jsonl").open(encoding="utf-8")]
    assert [e["step"] for e in told if e["event"] == "SnapshotSaved"] == [0, 1, 2, 4, 8]
    for step, weight in weights.items():
        kept = load_model(snapshot_path(folder, step))
        assert torch.equal(kept.model.wte.weight, weight.half().float())
        assert kept.metadata["steps"] == step


def test_of_a_long_run_the_first_and_the_newest_twelve_are_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tiny_run(tmp_path)
    monkeypatch.setattr(snapshots, "save_model", lambda path, **_: path.write_bytes(b"model"))
    run.folder.path.mkdir()
    kept = Snapshots(run.job, run=run.folder.path, max_mb=100)
    for step in range(20_000):
        list(kept.save_if_due(lambda: run.job.model, step=step))
    assert snapshot_steps(run.folder.path) == [0, *(2**power for power in range(3, 15))]
    kept.begin(300)  # the run goes back to this step
    assert snapshot_steps(run.folder.path) == [0, 8, 16, 32, 64, 128, 256]


@pytest.mark.parametrize(("max_mb", "are_kept"), [(0, False), (1, True)])
def test_there_are_none_where_they_would_take_too_much(
    tmp_path: Path, max_mb: int, are_kept: bool
) -> None:
    list(tiny_run(tmp_path, snapshots_mb=max_mb).run())
    assert bool(snapshot_steps(tmp_path / "Model.run")) == are_kept


def test_a_snapshot_that_cannot_be_written_ends_snapshots_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, **_: object) -> str:
        raise StorageError("the disk is full")

    monkeypatch.setattr(snapshots, "save_model", fail)
    run = tiny_run(tmp_path)
    failed = [event for event in run.run() if isinstance(event, SaveFailed)]
    assert [event.step for event in failed] == [0]
    assert run.report is not None
