"""A run of training: what it writes and when (whole runs are in tests/recipes)."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from lumina_cli.core.training.events import StepDone
from lumina_cli.core.training.loop import Trainer
from lumina_cli.errors import DivergedError, OutputError
from lumina_cli.io import lock
from lumina_cli.recipes.run.events import CheckpointSaved, RunStarted
from lumina_cli.recipes.run.run import TrainingRun
from lumina_cli.recipes.train.pretrain import pretrain
from lumina_cli.recipes.train.resume import find_run
from tests.unit.recipes.tiny import tiny_run


def resumed_run(folder: Path, **flags: Any) -> TrainingRun:
    resumed = find_run(None, out=None, default_out=folder / "Model.pth", flags=flags)
    return pretrain(resumed.settings, data=resumed.data, out=resumed.out, resumed=resumed)


def steps_in(run: TrainingRun) -> list[int]:
    return [bucket.first_step for bucket in run.history.curves["loss"].ordered()]


def test_a_run_that_goes_on_shows_what_was_before(tmp_path: Path) -> None:
    list(tiny_run(tmp_path).run())
    run = resumed_run(tmp_path, max_steps=4)
    list(run.run())
    assert steps_in(run) == [1, 2, 3, 4]
    page = (tmp_path / "Model.run" / "report.html").read_text(encoding="utf-8")
    assert page.count("The run began.") == page.count("Resuming from step") == 1


def test_without_the_file_of_events_a_run_goes_on(tmp_path: Path) -> None:
    list(tiny_run(tmp_path).run())
    (tmp_path / "Model.run" / "metrics.jsonl").unlink()
    run = resumed_run(tmp_path, max_steps=3)
    list(run.run())
    assert steps_in(run) == [3]


def test_lines_that_are_no_events_do_not_end_a_run(tmp_path: Path) -> None:
    list(tiny_run(tmp_path).run())
    with (tmp_path / "Model.run" / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.write('5\nnull\n[]\n{"event": "StepDone"}\n{"event": "Moonri')
    run = resumed_run(tmp_path, max_steps=3)
    list(run.run())
    assert steps_in(run) == [1, 2, 3]
    last = (tmp_path / "Model.run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    assert json.loads(last)["event"] in ("Finished", "CheckpointSaved", "Saved")


def test_the_page_is_there_even_where_training_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tiny_run(tmp_path)

    def diverge(self: Trainer) -> Any:
        yield from ()
        raise DivergedError("training diverged", hint="lower")

    monkeypatch.setattr(Trainer, "run", diverge)
    monkeypatch.setattr(Trainer, "last_batch", lambda self: self.epochs.batches[0])
    with pytest.raises(DivergedError, match=r"diverged, in .*text\.txt about"):
        list(run.run())
    assert (tmp_path / "Model.run" / "report.html").is_file()


def test_a_page_that_cannot_be_written_costs_the_page(tmp_path: Path) -> None:
    run = tiny_run(tmp_path)
    events = run.run()
    assert next(events) == RunStarted(0)
    (tmp_path / "Model.run" / "report.html").mkdir()
    list(events)
    assert run.report is not None


def test_no_other_run_is_let_in_until_the_end(tmp_path: Path) -> None:
    run = tiny_run(tmp_path)
    events = run.run()
    next(events)
    with pytest.raises(OutputError, match="another run"), lock.hold(run.folder.path):
        pass
    list(events)
    with lock.hold(run.folder.path):
        pass


def test_a_checkpoint_is_saved_when_it_is_asked_for(tmp_path: Path) -> None:
    run = tiny_run(tmp_path, max_steps=9, save_every="1000")
    events = []
    for event in run.run():
        events.append(event)
        if isinstance(event, StepDone) and event.step == 4:
            run.request_checkpoint()
    saved = [event.step for event in events if isinstance(event, CheckpointSaved)]
    assert 4 in saved or 5 in saved
    assert {1, 2, 3, 7}.isdisjoint(saved)


@pytest.mark.parametrize(
    ("choice", "seconds", "device", "compiles"),
    [
        ("on", 1.0, "cpu", True),
        ("off", 1e9, "cuda", False),
        ("auto", 1e9, "cpu", False),
        ("auto", 299.0, "cuda", False),
        ("auto", 301.0, "cuda", True),
    ],
)
def test_a_model_is_compiled_where_that_is_earned_back(
    tmp_path: Path, choice: str, seconds: float, device: str, compiles: bool
) -> None:
    run = tiny_run(tmp_path)
    job = run.job
    compute = replace(job.compute, device=torch.device(device))
    run.job = replace(
        job, compute=compute, config=job.config.model_copy(update={"compile": choice})
    )
    run.plan = replace(run.plan, seconds=seconds)
    assert run._compiles() is compiles
    growing = {"compile": choice, "start_seq_length": 8}
    run.job = replace(run.job, config=job.config.model_copy(update=growing))
    assert run._compiles() is (compiles and seconds != 301.0)
