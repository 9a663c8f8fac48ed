"""The folder beside a model: what happened in its run, and the way to go on with it."""

import contextlib
import dataclasses
import io
import json
import math
import os
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lumina_cli.errors import OutputError, StorageError
from lumina_cli.io import lock
from lumina_cli.io.atomic import check_regular, write_atomically
from lumina_cli.io.folders.private_folder import PRIVATE
from lumina_cli.io.folders.run_names import (
    REPORT,
    RUN_SUFFIX,
    SETTINGS,
    owner_line,
    run_folder_of,
)
from lumina_cli.io.names import check_length
from lumina_cli.io.regular_file import is_cut_off, open_regular, other_kind
from lumina_cli.io.shell_word import shell_word
from lumina_cli.io.staging import STAGING_SUFFIX
from lumina_cli.io.terminal_text import strip_controls

CHECKPOINTS = "checkpoints"
SNAPSHOTS = "snapshots"
METRICS = "metrics.jsonl"
SAMPLES = "samples.txt"
LOG = "train.log"
VALIDATION_SAMPLE = "validation-sample.pth"
TENSORBOARD = "tensorboard"
LAUNCH = "launch"
"""The launcher's name for a run of many processes."""
OWN = frozenset(
    {CHECKPOINTS, SNAPSHOTS, METRICS, SAMPLES, SETTINGS, REPORT, LOG, VALIDATION_SAMPLE}
    | {TENSORBOARD, LAUNCH, lock.LOCK_NAME}
)
"""All that a run leaves in its folder."""

LONGEST_NAME = "x" * 64
"""Longer than what is in a run's folder, or is written there for a moment."""

MOST_OF_A_LINE = 10_000

EVERY_UNTIL = 20_000
"""Steps that have a line each in `metrics.jsonl`; then every second has one, from twice as many on
every fourth, and so on: 250 bytes times 20,000, and half as much each time a run doubles."""


class RunFolder:
    """Writes `metrics.jsonl`, `samples.txt` and `settings.toml`.

    Args:
        model_path: of the model; `Model.pth` has the folder `Model.run` (`run_names`).
    """

    def __init__(self, model_path: Path) -> None:
        self.path = run_folder_of(model_path)
        self._model = model_path
        self.checkpoints = self.path / CHECKPOINTS
        self.metrics = self.path / METRICS
        self._thinning = Thinning()
        self._samples = self.path / SAMPLES
        self._failed: set[Path] = set()

    def start(self, settings: Mapping[str, object]) -> None:
        """Begin anew, once what an earlier run left is moved aside (see `back_up_run`).

        Raises:
            OutputError: the folder can't be written.
        """
        try:
            self.path.mkdir(mode=PRIVATE, exist_ok=True)
            self._write_settings(settings)
            for path in (self.metrics, self._samples):
                path.write_text("", encoding="utf-8")
        except OSError as error:
            raise not_writable(self.path, error) from error

    def resume(self, settings: Mapping[str, object]) -> None:
        """Add to what is there; a line that was cut off is ended.

        Raises:
            OutputError: something else than a file or a folder stands where something is written:
                a link may lead anywhere, and a pipe waits.
        """
        check_folders(self.path)
        for path in (self.path / name for name in (METRICS, SAMPLES, REPORT, LOG)):
            _check_own(path)
        with contextlib.suppress(OSError, OutputError, StorageError):
            self._write_settings(settings)
        with contextlib.suppress(OSError):
            if is_cut_off(self.metrics):
                self._append(self.metrics, "\n")

    def record(self, event: Any, **more: object) -> dict[str, Any]:
        """Add one event, and return it as plain values; a full disk loses a line, not the run."""
        line = _plain({"event": type(event).__name__, **dataclasses.asdict(event), **more})
        with contextlib.suppress(OSError):
            if self._thinning.keeps(line):
                self._append(self.metrics, json.dumps(line) + "\n")
            if line["event"] == "Sampled":
                asked = "" if event.prompt is None else f", asked: {event.prompt}"
                text = f"--- step {event.step}{asked}\n{event.text}\n"
                self._append(self._samples, strip_controls(text))  # people look at it with `cat`
        return line

    def _write_settings(self, settings: Mapping[str, object]) -> None:
        text = owner_line(self._model) + to_toml(settings)
        write_atomically(self.path / SETTINGS, text.encode(errors="replace"))

    def _append(self, path: Path, text: str) -> None:
        """Add a line; where the last one was cut off, by a full disk, that one is ended first."""
        if path in self._failed and is_cut_off(path):
            text = "\n" + text
        self._failed.add(path)
        with path.open("a", encoding="utf-8", errors="replace") as file:
            file.write(text)
        self._failed.remove(path)


class Thinning:
    """Decides which events have a line in `metrics.jsonl`, asked in the order in which they come.

    All but those of most steps and epochs of a long run; a step whose loss was far above what
    was usual always has one.
    """

    def __init__(self) -> None:
        self._spiked_step: object = None

    def keeps(self, event: Mapping[str, Any]) -> bool:
        """Whether an event has a line."""
        self.note(event)
        match event["event"]:
            case "StepDone":
                return self.keeps_step(event["step"])
            case "EpochDone":
                return _is_kept(event["epoch"])
        return True

    def note(self, event: Mapping[str, Any]) -> None:
        """Remember a spike: the step that it is told of comes next."""
        if event.get("event") == "LossSpiked":
            self._spiked_step = event.get("step")

    def keeps_step(self, step: int) -> bool:
        """Whether a step has a line."""
        return _is_kept(step) or step == self._spiked_step


def _is_kept(number: int) -> bool:
    """Whether a step or an epoch has a line for its number alone."""
    every = 1 << (max(number - 1, 0) // EVERY_UNTIL).bit_length()
    return number % every == 0


def check_folders(run: Path) -> None:
    """Raise OutputError where a link stands for a folder in which a run writes and removes."""
    for path in (run / name for name in (CHECKPOINTS, SNAPSHOTS, TENSORBOARD)):
        if path.is_symlink():
            raise _led_elsewhere(path, "a link")


def _check_own(path: Path) -> None:
    try:
        found = path.lstat()
    except OSError:
        return
    kind = "a link" if stat.S_ISLNK(found.st_mode) else other_kind(found)
    if kind:
        raise _led_elsewhere(path, kind)


def _led_elsewhere(path: Path, kind: str) -> OutputError:
    return OutputError(
        f"{path} is {kind}: nothing is written through it",
        hint="Put there what it leads to, or take it away.",
    )


def not_writable(folder: Path, error: OSError) -> OutputError:
    """Return the error for a run's folder in which nothing can be written."""
    return OutputError(
        f"the run's folder {folder} can't be written: {error.strerror}",
        hint="Name another place with: --out FOLDER/Model.pth",
    )


def check_free(path: Path) -> None:
    """Make sure that a model file can be written to `path`, and that no other run does.

    Raises:
        OutputError: it names a folder, a device or a pipe, or the folder of a run, or lies in none;
            its name, or that of a file in the run's folder, is too long;
            something stands there, or in place of the run's folder, that is not of this program;
            or another run holds it.
    """
    check_length(path)
    if path.is_dir():
        hint = f"Name a file: --out {shell_word(path / 'Model.pth')}"
        raise OutputError(f"{path} is a folder", hint=hint)
    check_regular(path)
    if path.suffix == RUN_SUFFIX:
        raise OutputError(f"{path} is the name of a run's folder", hint="Use: --out Model.pth")
    if not path.parent.is_dir():
        raise OutputError(
            f"folder {path.parent} does not exist",
            hint="Create it, or name another place with --out.",
        )
    run = run_folder_of(path)
    check_length(run, run / CHECKPOINTS / LONGEST_NAME)
    if path.exists() and not (_is_model(path) or _has_events(run)):
        raise _not_ours(path, "model")
    if os.path.lexists(run) and not _is_run(run):
        raise _not_ours(run, "run")
    lock.check_free(run)


def _is_model(path: Path) -> bool:
    """Whether a file is what `torch.save` writes, damaged or not, or has nothing in it."""
    try:
        if not path.stat().st_size:
            return True
        with zipfile.ZipFile(path) as file:
            return any(name.endswith("/data.pkl") for name in file.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _is_run(folder: Path) -> bool:
    """Whether all that lies in a folder is of a run, or its metrics say that it is one."""
    try:
        if all(path.name in OWN or path.suffix == STAGING_SUFFIX for path in folder.iterdir()):
            return True
    except OSError:
        return False
    return _has_events(folder)


def _has_events(folder: Path) -> bool:
    try:
        with io.TextIOWrapper(open_regular(folder / METRICS), "utf-8", "replace") as file:
            return "event" in json.loads(file.readline(MOST_OF_A_LINE))
    except (OSError, ValueError, TypeError, RecursionError):
        return False


def _not_ours(path: Path, what: str) -> OutputError:
    return OutputError(
        f"{path} is there already, and is no {what} of this program: it is left alone",
        hint="Name another file: --out OTHER.pth",
    )


def to_toml(settings: Mapping[str, object]) -> str:
    """Return settings as a TOML file that `--config` reads back; unset ones are left out."""
    return "".join(
        f"{name} = {_toml_value(value)}\n" for name, value in settings.items() if value is not None
    )


def _toml_value(value: object) -> str:
    """A value as JSON writes it is TOML too, but for pairs of \\u and for the DEL character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """JSON has no NaN: a figure that is not a number is null."""
    return {key: _plain_value(value) for key, value in values.items()}


def _plain_value(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value
