"""What an earlier run left is never written over."""

import json
from pathlib import Path

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
