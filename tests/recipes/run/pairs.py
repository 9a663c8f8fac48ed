"""Two commands at once on the same model, run, data, cache and history, by a process that forks.

`python -m tests.recipes.run.pairs FOLDER PAIRS` prints one JSON object that says what it saw.
"""

import itertools
import json
import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy.random  # noqa: F401  loaded before forking, not anew in every child
import torch

from lumina_cli.chat.session_file import read_session
from lumina_cli.cli.app import run as run_command_line
from lumina_cli.cli.chat.history import LineHistory
from lumina_cli.cli.errors import run_guarded
from lumina_cli.core.checkpoint.model_file import load_checkpoint, load_model
from lumina_cli.core.training.events import StepDone
from lumina_cli.data.hub.dataset_folder import read_manifest, verify
from lumina_cli.errors import LuminaError
from lumina_cli.io.folders.owned_folder import BUILDING, REMOVED
from lumina_cli.io.staging import STAGING_SUFFIX
from lumina_cli.recipes.train import plan
from lumina_cli.recipes.train.pretrain import pretrain
from lumina_cli.settings import TRAIN_CONFIGS, resolve_settings
from tests.recipes.train.killing import VERSE, fork, preload

SHAPE: dict[str, object] = {
    "hidden_size": 8,
    "num_layers": 1,
    "num_heads": 1,
    "seq_length": 16,
    "batch_size": 2,
    "num_evals": 2,
    "eval_chars": 64,
    "max_steps": 6,
    "save_every": "2",
    "precision": "fp32",
    "threads": 1,
}
FLAGS = [word for name, value in SHAPE.items() for word in (f"--{name}".replace("_", "-"), value)]
FRESH_SEED = 7
"""Of the runs that begin anew, to tell their models from the first one's."""

FETCH = ["data", "fetch", "poets/poems", "--from", "rows.jsonl", "--out", "poems_data", "--force"]
COMMANDS: dict[str, tuple[list[object], str]] = {
    "train": (["train", "--data", "text.txt", "--seed", FRESH_SEED, *FLAGS], ""),
    "resume": (["train", "--resume", "--out", "Model.pth"], ""),
    "finetune": (
        ["finetune", "--data", "more.txt", "--max-steps", 4, "--threads", 1, "--num-evals", 1],
        "",
    ),
    "save": (["chat", "--max-chars", 8, "--threads", 1], "hi\n/save chat.json\n"),
    "load": (["chat", "--max-chars", 8, "--threads", 1], "/load chat.json\nhello\n"),
    "generate": (["generate", "--prompt", "the", "--max-chars", 8, "--threads", 1], ""),
    "eval": (["eval", "--data", "text.txt", "--threads", 1], ""),
    "fetch": ([*FETCH], ""),
    "check": (["data", "check", "poems_data", "text.txt"], ""),
    "type": ([], ""),
}
TYPED = [letter * 9_000 for letter in "abcdefgh"]
"""What `type` adds to the history, as a chat at a terminal does: each longer than a buffer."""

PAIRS = list(itertools.combinations_with_replacement(COMMANDS, 2))

IN_USE, MISSING, CHANGED = 73, 66, 65


def allowed(name: str, other: str) -> set[int]:
    """Return how a command may end while the other one runs.

    One run at a time holds a folder. Where a run begins anew, the model that was there is moved
    aside, and there is none until the first one is saved; a data set is away for a moment, or
    another one when its file has been read.
    """
    runs, readers = {"train", "resume"}, {"finetune", "save", "load", "generate", "eval"}
    codes = {0}
    if (name in runs and other in runs) or name == other == "finetune":
        codes.add(IN_USE)
    if other == "train" and name in readers | {"resume"}:
        codes.add(MISSING)
    if name == "check" and other == "fetch":
        codes |= {MISSING, CHANGED}
    return codes


@dataclass
class Seen:
    """What happened: pairs that ran, how commands ended, and what is wrong."""

    pairs: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def start(name: str, folder: Path, *, number: int) -> int:
    """Run a command in a process of its own; what it says goes to a file."""
    arguments, stdin = COMMANDS[name]

    def act() -> None:
        os.chdir(folder)
        (folder / f"{number}.in").write_text(stdin, encoding="utf-8")
        for stream, path, flags in (
            (0, f"{number}.in", os.O_RDONLY),
            (1, f"{number}.out", os.O_WRONLY | os.O_CREAT),
            (2, f"{number}.err", os.O_WRONLY | os.O_CREAT),
        ):
            os.dup2(os.open(path, flags), stream)
        if name == "type":
            history = LineHistory()
            for line in TYPED:
                history.add(line)
            os._exit(0)
        code = run_guarded(lambda: run_command_line([str(word) for word in arguments]))
        sys.stdout.flush()
        sys.stderr.flush()
        if number == 0:
            (folder / "modules.json").write_text(json.dumps(list(sys.modules)), encoding="utf-8")
        os._exit(code)

    return fork(act)


def prepare(folder: Path) -> None:
    """Leave a model, a run that has not ended, texts, rows and a saved chat."""
    (folder / "text.txt").write_text(VERSE, encoding="utf-8")
    (folder / "more.txt").write_text("a mat is a mat\n" * 20, encoding="utf-8")
    rows = [{"text": f"poem number {number}"} for number in range(20)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "rows.jsonl").write_text(lines, encoding="utf-8")

    def train() -> None:
        os.chdir(folder)
        settings = resolve_settings(TRAIN_CONFIGS, flags=SHAPE, environ={})
        run = pretrain(settings, data=[Path("text.txt")], out=Path("Model.pth"))
        for event in run.run():
            if isinstance(event, StepDone) and event.step == 4:
                run.stop()

    os.waitpid(fork(train), 0)
    for name in ("save", "fetch"):
        run_alone(name, folder)
    assert (folder / "chat.json").exists()


def run_alone(name: str, folder: Path) -> None:
    """Run a command to its end, and import here what it imported: the next ones begin with it."""
    _, status = os.waitpid(start(name, folder, number=0), 0)
    assert status == 0, (folder / "0.err").read_text(encoding="utf-8")
    names = folder / "modules.json"
    if names.exists():
        preload(json.loads(names.read_text(encoding="utf-8")))
        names.unlink()


def problems(folder: Path, ends: dict[int, tuple[str, int]]) -> Iterator[str]:
    """Yield what is wrong after two commands."""
    names = [name for name, _ in ends.values()]
    for number, (name, code) in ends.items():
        said = (folder / f"{number}.err").read_text(encoding="utf-8", errors="replace")
        other = names[1 - names.index(name)] if names[0] != names[1] else name
        if "Traceback" in said or code not in allowed(name, other):
            yield f"{name} beside {other} ended with {code}: {said[-1500:]}"
    yield from damaged(folder)
    yield from left_behind(folder)
    yield from lost(folder, ends)


def damaged(folder: Path) -> Iterator[str]:
    """Yield the files that are not whole."""
    for path in folder.rglob("*.pth"):
        if path.name.startswith("validation-sample"):
            continue
        try:
            load_checkpoint(path) if path.parent.name == "checkpoints" else load_model(path)
        except LuminaError as error:
            yield error.message
    try:
        read_session(folder / "chat.json")
        verify(folder / "poems_data", read_manifest(folder / "poems_data") or {"files": {"no": 0}})
    except LuminaError as error:
        yield error.message
    for path in folder.rglob("metrics.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            json.loads(line)


def left_behind(folder: Path) -> Iterator[str]:
    """Yield what nobody needs any more."""
    for path in folder.rglob("*"):
        is_staging = path.name.endswith((STAGING_SUFFIX, ".damaged"))
        if is_staging or path.name.startswith(".poems_data"):
            yield f"{path} is left behind"


def lost(folder: Path, ends: dict[int, tuple[str, int]]) -> Iterator[str]:
    """Yield what a command had made, and is gone."""
    for name, code in ends.values():
        if code == 0 and name == "train" and FRESH_SEED not in set(_seeds(folder)):
            yield "the model of a new run is lost"
        if code == 0 and name == "finetune" and not (folder / "FineTuned_Model.pth").exists():
            yield "the model that was fine-tuned is lost"
    if "train" in {name for name, _ in ends.values()} and 0 not in set(_seeds(folder)):
        yield "the first model is lost"


def _seeds(folder: Path) -> Iterator[object]:
    for path in folder.glob("Model*.pth"):
        yield load_model(path).metadata["seed"]


def check_shared(folder: Path) -> Iterator[str]:
    """Yield what is wrong with the cache and the history of all."""
    for path in (folder / "cache").rglob("*"):
        if path.name.startswith((BUILDING, REMOVED)):
            yield f"{path} is left behind"
    for line in (folder / "data/lumina/chat_history").read_text(encoding="utf-8").splitlines():
        try:
            is_whole = json.loads(line) in TYPED
        except ValueError:
            is_whole = False
        if not is_whole:
            yield f"the history holds {line[:40]} … {line[-40:]}"


def run_pair(folder: Path, names: tuple[str, str], *, longest_s: float, rng: random.Random) -> Seen:
    """Run two commands, the second somewhat later than the first."""
    seen = Seen(1)
    processes = {1: start(names[0], folder, number=1)}
    time.sleep(rng.random() * longest_s)
    processes[2] = start(names[1], folder, number=2)
    ends = {}
    for number, process in processes.items():
        _, status = os.waitpid(process, 0)
        ends[number] = (names[number - 1], os.waitstatus_to_exitcode(status))
        seen.ends[f"{names[number - 1]} {ends[number][1]}"] += 1
    seen.problems += problems(folder, ends)
    return seen


def time_of_a_command(folder: Path) -> float:
    """Return the seconds of the longest ones, with everything imported, where nobody disturbs."""
    times = []
    for name in ("train", "finetune", "train", "finetune"):
        started_s = time.monotonic()
        run_alone(name, folder)
        times.append(time.monotonic() - started_s)
    return min(times)


def run_pairs(folder: Path, *, pairs: int) -> Seen:
    """Run pairs of commands, each kind in turn, each pair in a folder that was prepared."""
    rng, seen = random.Random(pairs), Seen()
    os.environ["LUMINA_CACHE_DIR"] = str(folder / "cache")
    os.environ["XDG_DATA_HOME"] = str(folder / "data")
    template = folder / "template"
    template.mkdir()
    prepare(template)
    trial = folder / "trial"
    shutil.copytree(template, trial)
    for name in COMMANDS:
        run_alone(name, trial)
    longest_s = time_of_a_command(trial)
    order = rng.sample(PAIRS, len(PAIRS))
    for number in range(pairs):
        names = order[number % len(order)]
        place = folder / f"pair-{number}"
        shutil.copytree(template, place)
        swapped = names if rng.random() < 0.5 else names[::-1]
        its = run_pair(place, swapped, longest_s=longest_s, rng=rng)
        seen.pairs += 1
        seen.ends += its.ends
        seen.problems += [
            f"pair {number}, {' and '.join(swapped)}: {each}" for each in its.problems
        ]
        if not its.problems:
            shutil.rmtree(place)
    seen.problems += check_shared(folder)
    return seen


def main() -> None:
    torch.set_num_threads(1)
    plan.measure_step_s = lambda *_, **__: 1.0  # its steps on trial are no part of a run
    print(json.dumps(vars(run_pairs(Path(sys.argv[1]), pairs=int(sys.argv[2])))))


if __name__ == "__main__":
    main()
