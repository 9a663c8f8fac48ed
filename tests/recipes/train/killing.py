"""Runs that are killed at random moments, by a process that forks them.

To start Python and torch takes seconds, to fork a process that has them milliseconds, so
hundreds of kills fit into a test. The parent computes nothing before it forks.

`python -m tests.recipes.train.killing FOLDER KILLS` prints one JSON object that says what it saw.
"""

import importlib
import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy.random  # noqa: F401  loaded before forking, not anew in every child
import torch

from lumina_cli.core.checkpoint.model_file import load_checkpoint, load_model
from lumina_cli.core.checkpoint.store import CheckpointStore
from lumina_cli.errors import MissingInputError
from lumina_cli.io.staging import STAGING_SUFFIX
from lumina_cli.recipes.run import samples
from lumina_cli.recipes.run.events import RunStarted
from lumina_cli.recipes.train import plan
from lumina_cli.recipes.train.pretrain import pretrain
from lumina_cli.recipes.train.resume import find_run
from lumina_cli.settings import TRAIN_CONFIGS, resolve_settings

VERSE = "the cat sat on the mat and the dog sat on the log\n" * 20
SETTINGS: dict[str, object] = {
    "hidden_size": 16,
    "num_layers": 1,
    "num_heads": 2,
    "seq_length": 16,
    "batch_size": 4,
    "dropout": 0.2,
    "num_evals": 3,
    "eval_chars": 64,
    "max_steps": 25,
    "save_every": "1",
    "precision": "fp32",  # for bf16 every process would make code first, longer than it lives
}
EARLY = 0.1
"""Share of the kills before training begins, while files are read and looked for."""

MOST_TIMES = 10
"""As many kills as were asked for, until one comes in the middle of a save."""

LONGEST = 0.25
"""Delay of a kill, as a share of what a whole run takes here and now: busy machines are slow."""


@dataclass
class Seen:
    """What happened to the runs: kills, kills in the middle of a save, runs that ended."""

    kills: int = 0
    in_a_save: int = 0
    ended: int = 0
    problems: list[str] = field(default_factory=list)


def train(folder: Path, *, begun: int) -> None:
    """Train in `folder` to the end, from wherever the run there was left.

    Once it begins a byte is written to `begun`.
    """
    out = folder / "Model.pth"
    try:
        resumed = find_run(None, out=out, default_out=out, flags={})
        run = pretrain(resumed.settings, data=resumed.data, out=out, resumed=resumed)
    except MissingInputError:
        settings = resolve_settings(TRAIN_CONFIGS, flags=SETTINGS, environ={})
        run = pretrain(settings, data=[folder.parent / "verse.txt"], out=out)
    for event in run.run():
        if isinstance(event, RunStarted):
            os.write(begun, b"!")


@dataclass
class Child:
    """A process that trains in a folder; `begun` can be read once it does."""

    process: int
    begun: int

    def wait_for_begin(self) -> None:
        os.read(self.begun, 1)

    def kill(self) -> None:
        os.kill(self.process, signal.SIGKILL)

    def wait_for_end(self) -> bool:
        """Return whether the run ended by itself, before a kill."""
        _, status = os.waitpid(self.process, 0)
        os.close(self.begun)
        assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0, "a run failed"
        return not os.WIFSIGNALED(status)


def fork(action: Callable[[], None]) -> int:
    """Do something in a process of its own, which never returns; return its id."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            action()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return process


def preload(names: Iterable[str]) -> None:
    """Import here what a child had to, so that the next ones have it from the beginning."""
    for name in names:
        with suppress(Exception):  # some can be imported only by others
            importlib.import_module(name)


def fork_training(folder: Path) -> Child:
    reader, writer = os.pipe()
    process = fork(lambda: train(folder, begun=writer))
    os.close(writer)
    return Child(process, reader)


def preload_training(folder: Path) -> None:
    """Train to the end, and import here what that imported."""
    names = folder / "modules.json"

    def act() -> None:
        train(folder, begun=os.open(os.devnull, os.O_WRONLY))
        names.write_text(json.dumps(list(sys.modules)), encoding="utf-8")

    _, status = os.waitpid(fork(act), 0)
    assert status == 0, "a run failed"
    preload(json.loads(names.read_text(encoding="utf-8")))


def time_whole_run(folder: Path) -> tuple[float, float]:
    """Train to the end, and return the seconds before it began and those it trained."""
    started_s = time.monotonic()
    child = fork_training(folder)
    child.wait_for_begin()
    begun_s = time.monotonic()
    assert child.wait_for_end()
    return begun_s - started_s, time.monotonic() - begun_s


def train_until_killed(folder: Path, *, times: tuple[float, float], rng: random.Random) -> bool:
    """Kill a run at a random moment; return whether it ended before that."""
    child = fork_training(folder)
    before_s, training_s = times
    if rng.random() < EARLY:
        time.sleep(rng.random() * before_s)
    else:
        child.wait_for_begin()
        time.sleep(rng.random() * LONGEST * training_s)
    child.kill()
    return child.wait_for_end()


def result(folder: Path) -> tuple[dict[str, object], dict[str, torch.Tensor]]:
    """Return the counters of a run but for its times, and everything that is tensors."""
    last = CheckpointStore(folder / "Model.run" / "checkpoints").newest().checkpoint
    times = {"elapsed_s", "step_s", "evaluation_s", "save_s", "epoch_elapsed_s"}
    values = {name: value for name, value in last.state.items() if name not in times}
    model = load_model(folder / "Model.pth")
    best = {f"best/{name}": tensor for name, tensor in model.model.state_dict().items()}
    return values, {**last.tensors, **best}


def is_same(folder: Path, other: Path) -> bool:
    (values, tensors), (other_values, other_tensors) = result(folder), result(other)
    return (
        values == other_values
        and tensors.keys() == other_tensors.keys()
        and all(torch.equal(tensor, other_tensors[name]) for name, tensor in tensors.items())
    )


def look(folder: Path, *, last_step: int, known: set[str]) -> tuple[int, bool, list[str]]:
    """Return the newest step, whether a save was under way, and what is wrong.

    Files that are `known` to be whole are not read again.
    """
    store = CheckpointStore(folder / "Model.run" / "checkpoints")
    files = [*folder.iterdir(), *(store.folder.iterdir() if store.folder.is_dir() else [])]
    in_a_save = any(path.name.endswith(STAGING_SUFFIX) for path in files)
    problems = [str(path) for path in files if path.suffix == ".damaged"]
    for path in files:
        mark = f"{path} {path.stat().st_ino} {path.stat().st_mtime_ns}"
        if path.suffix != ".pth" or mark in known:
            continue
        known.add(mark)
        if path.name == "Model.pth":
            load_model(path)
        elif load_checkpoint(path).state["num_steps"] != int(path.stem.split("-")[1]):
            problems.append(f"{path} holds another step")
    newest = max(store.steps(), default=-1)
    if newest < last_step:
        problems.append(f"step {last_step} was lost: the newest is {newest}")
    return newest, in_a_save, problems


def kill_runs(folder: Path, *, kills: int) -> Seen:
    """Kill runs `kills` times, going on each time, and compare those that reach their end."""
    rng, seen, last_step = random.Random(kills), Seen(), -1
    known: set[str] = set()
    first, whole, place = folder / "first", folder / "whole", folder / "run-0"
    for each in (first, whole, place):
        each.mkdir()
    preload_training(first)
    times = time_whole_run(whole)

    def compare() -> None:
        seen.ended += 1
        if not is_same(place, whole):
            seen.problems.append(f"{place} ended otherwise than the run that never stopped")

    # A machine that slows down may take each kill before the first save: some must be hit.
    while seen.kills < kills or (not seen.in_a_save and seen.kills < MOST_TIMES * kills):
        if train_until_killed(place, times=times, rng=rng):
            compare()
            place, last_step = folder / f"run-{seen.ended}", -1
            place.mkdir()
            continue
        seen.kills += 1
        last_step, in_a_save, problems = look(place, last_step=last_step, known=known)
        seen.in_a_save += in_a_save
        seen.problems += problems
    # On a machine that slows down none may have come to its end: the last one may.
    assert fork_training(place).wait_for_end()
    compare()
    return seen


def main() -> None:
    folder, kills = Path(sys.argv[1]), int(sys.argv[2])
    (folder / "verse.txt").write_text(VERSE, encoding="utf-8")
    plan.measure_step_s = lambda *_, **__: 1.0  # its steps on trial are no part of a run
    samples.SAMPLE_CHARS = 8
    print(json.dumps(asdict(kill_runs(folder, kills=kills))))


if __name__ == "__main__":
    main()
