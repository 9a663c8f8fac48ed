"""A run stopped after each of its steps and gone on with, each part in a process of its own.

`python -m tests.recipes.train.resuming FOLDER STEP…` prints the steps after which a run that was
stopped there did not end, to the bit, as the one that was not.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lumina_cli.core.training.events import BatchSplit, EpochDone, Evaluated, StepDone
from lumina_cli.recipes.run import samples
from lumina_cli.recipes.run.run import TrainingRun
from lumina_cli.recipes.train import plan
from lumina_cli.recipes.train.pretrain import pretrain
from lumina_cli.recipes.train.resume import find_run
from lumina_cli.settings import TRAIN_CONFIGS, resolve_settings
from tests.recipes.train.killing import SETTINGS, VERSE, fork, is_same

NUM_STEPS = 60
SPLIT_AFTER = 22
"""After this step memory runs out, once."""

MORE = {"max_steps": NUM_STEPS, "save_every": "1000", "num_evals": 7, "optimizer": "muon"}


def run_out_of_memory_once(run: TrainingRun) -> None:
    real, model = run.job.model.hidden, run.job.model

    def hidden(idx: Tensor, **cache: Any) -> Tensor:
        x = real(idx, **cache)
        if run.trainer.num_steps == SPLIT_AFTER and model.training and len(idx) > 1:
            raise torch.OutOfMemoryError
        return x

    model.hidden = hidden  # type: ignore[method-assign, assignment]


def do(run: TrainingRun, *, stop_after: int | None) -> set[str]:
    """Do the run, or its part until a step; return the kinds of events it told of."""
    run_out_of_memory_once(run)
    kinds = set()
    for event in run.run():
        kinds.add(type(event).__name__)
        if isinstance(event, StepDone) and event.step == stop_after:
            run.stop()
    return kinds


def begin(folder: Path, *, stop_after: int | None = None) -> None:
    settings = resolve_settings(TRAIN_CONFIGS, flags={**SETTINGS, **MORE}, environ={})
    run = pretrain(settings, data=[folder.parent / "verse.txt"], out=folder / "Model.pth")
    kinds = do(run, stop_after=stop_after)
    needed = {event.__name__ for event in (BatchSplit, EpochDone, Evaluated)}
    assert stop_after is not None or kinds >= needed, kinds


def go_on(folder: Path) -> None:
    out = folder / "Model.pth"
    resumed = find_run(None, out=out, default_out=out, flags={})
    do(pretrain(resumed.settings, data=resumed.data, out=out, resumed=resumed), stop_after=None)


def in_a_process(action: Callable[[], None]) -> None:
    _, status = os.waitpid(fork(action), 0)
    assert os.waitstatus_to_exitcode(status) == 0, "a run failed"


def main() -> None:
    folder, steps = Path(sys.argv[1]), list(map(int, sys.argv[2:]))
    (folder / "verse.txt").write_text(VERSE, encoding="utf-8")
    plan.measure_step_s = lambda *_, **__: 1.0
    samples.SAMPLE_CHARS = 8
    whole = folder / "whole"
    whole.mkdir()
    in_a_process(lambda: begin(whole))
    different = []
    for step in steps:
        place = folder / f"stopped-{step}"
        place.mkdir()
        in_a_process(lambda place=place, step=step: begin(place, stop_after=step))
        in_a_process(lambda place=place: go_on(place))
        if not is_same(place, whole):
            different.append(step)
    print(json.dumps(different))


if __name__ == "__main__":
    main()
