"""What an earlier run left is never written over."""

import json
from pathlib import Path

import pytest

from lumina_cli.recipes.run.run_backup import back_up_run, backup_notices

FINISHED = {"event": "Finished", "step": 9, "reason": "max_steps"}
INTERRUPTED = {"event": "Finished", "step": 9, "reason": "interrupted"}


def leave_run(model: Path, *, content: str, last: dict[str, object]) -> None:
    model.write_text(content, encoding="utf-8")
    checkpoints = model.with_suffix(".run") / "checkpoints"
    checkpoints.mkdir(parents=True, exist_ok=True)
    (checkpoints / "step-00000009.pth").write_text(content, encoding="utf-8")
    (checkpoints.parent / "lock").touch()
    (checkpoints.parent / "metrics.jsonl").write_text(json.dumps(last) + "\n", encoding="utf-8")


def test_every_earlier_run_is_kept_with_its_model(tmp_path: Path) -> None:
    model = tmp_path / "Model.pth"
    for content in ("first", "second", "third"):
        leave_run(model, content=content, last=FINISHED)
        back_up_run(model)
    for name, content in (("", "first"), ("-2", "second"), ("-3", "third")):
        kept = tmp_path / f"Model.previous{name}.pth"
        assert kept.read_text(encoding="utf-8") == content
        checkpoint = kept.with_suffix(".run") / "checkpoints" / "step-00000009.pth"
        assert checkpoint.read_text(encoding="utf-8") == content
    assert [path.name for path in (tmp_path / "Model.run").iterdir()] == ["lock"]
    assert not model.exists()


def test_a_name_with_a_dot_is_kept_whole(tmp_path: Path) -> None:
    for name in ("bot-v1.5", "bot-v1.6"):
        leave_run(tmp_path / f"{name}.pth", content=name, last=FINISHED)
        (tmp_path / f"{name}.pth").rename(tmp_path / name)
    back_up_run(tmp_path / "bot-v1.5")
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == [
        "bot-v1.5.previous",
        "bot-v1.5.previous.run",
        "bot-v1.5.run",
        "bot-v1.6",
        "bot-v1.6.run",
    ]


def test_a_model_and_its_run_get_the_same_number(tmp_path: Path) -> None:
    model = tmp_path / "Model.pth"
    (tmp_path / "Model.previous.pth").write_text("a model alone", encoding="utf-8")
    leave_run(model, content="second", last=FINISHED)
    back_up_run(model)
    assert (tmp_path / "Model.previous-2.pth").exists()
    assert (tmp_path / "Model.previous-2.run").is_dir()
    assert not (tmp_path / "Model.previous.run").exists()


def test_where_nothing_is_there_is_nothing_to_tell(tmp_path: Path) -> None:
    model = tmp_path / "Model.pth"
    assert backup_notices(model) == []
    (tmp_path / "Model.run").mkdir()
    (tmp_path / "Model.run" / "lock").touch()
    assert backup_notices(model) == []


def test_it_is_told_where_an_earlier_run_is_kept(tmp_path: Path) -> None:
    model = tmp_path / "Model.pth"
    leave_run(model, content="first", last=FINISHED)
    (notice,) = backup_notices(model)
    assert str(tmp_path / "Model.previous.run") in notice
    assert str(tmp_path / "Model.previous.pth") in notice


def test_a_run_that_has_not_ended_is_told_with_the_way_to_go_on(tmp_path: Path) -> None:
    model = tmp_path / "Model.pth"
    for last in (INTERRUPTED, {"event": "StepDone", "step": 12}):
        leave_run(model, content="first", last=last)
        (notice,) = backup_notices(model)
        assert "step 9" in notice
        assert f"lumina train --resume {tmp_path / 'Model.previous.run'}" in notice


SAVED = {"event": "CheckpointSaved", "step": 9, "path": "step-00000009.pth", "seconds": 0.1}
BEST_SAVED = {"event": "Saved", "step": 7, "path": "Model.pth"}
SAVE_FAILED = {"event": "SaveFailed", "step": 9, "why": "no space left on device"}
STARTED = {"event": "RunStarted", "step": 9}


def record(model: Path, *events: object, end: str = "\n") -> None:
    """Write events into the metrics of the run beside a model."""
    leave_run(model, content="first", last={})
    lines = [event if isinstance(event, str) else json.dumps(event) for event in events]
    metrics = model.with_suffix(".run") / "metrics.jsonl"
    metrics.write_text("\n".join(lines) + end, encoding="utf-8")


@pytest.mark.parametrize(
    "after",
    [
        [SAVED],  # its last evaluation was not its best, so it was saved once more at the end
        [SAVED, BEST_SAVED],
        [json.dumps(SAVED)[:20]],  # cut off by a crash
    ],
)
def test_what_is_saved_after_the_end_does_not_make_a_run_unfinished(
    tmp_path: Path, after: list[object]
) -> None:
    model = tmp_path / "Model.pth"
    record(model, {"event": "StepDone", "step": 9}, FINISHED, *after, end="")
    (notice,) = backup_notices(model)
    assert "has not ended" not in notice


@pytest.mark.parametrize(
    "events",
    [
        [INTERRUPTED, SAVED],
        [FINISHED, SAVE_FAILED],  # the end is not on disk
        [FINISHED, SAVED, STARTED],  # it was resumed
        [FINISHED, SAVED, {"event": "Begun", "step": 9}, {"event": "StepDone", "step": 10}],
        [SAVED],
        [[], "null"],
    ],
)
def test_a_run_is_unfinished_unless_it_came_to_its_end(
    tmp_path: Path, events: list[object]
) -> None:
    model = tmp_path / "Model.pth"
    record(model, *events)
    (notice,) = backup_notices(model)
    assert "has not ended" in notice
