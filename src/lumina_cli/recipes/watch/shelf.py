"""The runs of a folder, as plain values: which there are, and all that is drawn of one."""

import threading
import tomllib
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lumina_cli.io import lock
from lumina_cli.io.folders.run_folder import METRICS
from lumina_cli.io.folders.run_names import RUN_SUFFIX, SETTINGS, model_of_run
from lumina_cli.io.regular_file import open_regular, read_whole
from lumina_cli.io.terminal_text import one_line, strip_controls
from lumina_cli.recipes.run.event_text import sentence_of
from lumina_cli.recipes.run.events import SUCCESSFUL_SAVES
from lumina_cli.recipes.run.report_page.buckets import Bucket
from lumina_cli.recipes.run.report_page.event_lines import Event, figure, parse_line
from lumina_cli.recipes.run.report_page.history import FirstAndLast
from lumina_cli.recipes.watch.reader import MAX_POINTS, RunReader
from lumina_cli.recipes.watch.words import (
    State,
    chars_per_id_of,
    seconds_left,
    sentences,
    state_in_words,
)

MAX_RUNS = 100
MAX_READERS = 8
"""Runs whose figures are kept in memory."""

MAX_EVENT_BYTES = 256 * 1024
"""Of one answer."""

TAIL_BYTES = 8_192
MAX_SETTINGS = 500
MARKS = {"guessing": "Pure guessing", "letters": "Letter frequency", "spelling": "Spelling"}
PRIVATE_FIELDS = ("path", "why", "prompt")
"""Of events: they may name files, or hold words of the training text."""

NOT_SHOWN = "(not shown here)"


class RunShelf:
    """The runs that lie in a folder.

    Args:
        folder: in which `*.run` lie.
        hides_text: whether to leave out file names, settings in words, and prompts.
    """

    def __init__(self, folder: Path, *, hides_text: bool = False) -> None:
        self.folder = folder
        self.hides_text = hides_text
        self._readers: OrderedDict[str, RunReader] = OrderedDict()
        self._lock = threading.Lock()

    def runs(self) -> list[dict[str, Any]]:
        """Return the runs that there are, the newest first."""
        found = sorted(self._paths().items(), key=lambda item: _modified_s(item[1]), reverse=True)
        return [
            {
                "name": name,
                "model": model_of_run(path).name,
                "state": _state(path, _last_event(path / METRICS)),
                "modified_s": _modified_s(path),
            }
            for name, path in found[:MAX_RUNS]
        ]

    def events(self, name: str, *, after: int) -> dict[str, Any] | None:
        """Return the events of whole lines after a byte; None where there is no such run.

        A file that has become shorter is told by `next` being less than `after`.
        """
        if (path := self._paths().get(name)) is None:
            return None
        try:
            with open_regular(path / METRICS, follows_links=False) as file:
                size = file.seek(0, 2)
                after = after if after <= size else 0
                file.seek(after)
                chunk = file.read(MAX_EVENT_BYTES)
        except OSError:
            return {"events": [], "next": 0, "more": False}
        whole = chunk.rfind(b"\n") + 1
        if not whole and len(chunk) == MAX_EVENT_BYTES:
            whole = len(chunk)  # a line so long is no event
        events = [each for each in map(_parsed, chunk[:whole].splitlines()) if each]
        if self.hides_text:
            events = [_without_private(each) for each in events]
        is_more = whole > 0 and after + len(chunk) < size
        return {"events": events, "next": after + whole, "more": is_more}

    def curve(self, name: str, *, points: int) -> dict[str, Any] | None:
        """Return all that is drawn of a run; None where there is no such run."""
        if (path := self._paths().get(name)) is None:
            return None
        with self._lock:
            reader = self._reader(name, path)
            try:
                reader.update()
            except OSError:
                self._readers.pop(name, None)
                reader = RunReader(path / METRICS)
            return self._drawn(name, path, reader, points=min(points, MAX_POINTS))

    def _reader(self, name: str, path: Path) -> RunReader:
        reader = self._readers.pop(name, None) or RunReader(path / METRICS)
        self._readers[name] = reader
        while len(self._readers) > MAX_READERS:
            self._readers.popitem(last=False)
        return reader

    def _paths(self) -> dict[str, Path]:
        """Return the folders of runs by name; a link is none, wherever it leads.

        Nor is one whose name is no text (bytes beyond UTF-8): no address leads to it.
        """
        try:
            found = [path for path in self.folder.iterdir() if _is_name_of_run(path.name)]
            return {path.name: path for path in found if path.is_dir() and not path.is_symlink()}
        except OSError:
            return {}

    def _drawn(self, name: str, path: Path, reader: RunReader, *, points: int) -> dict[str, Any]:
        history, per_id = reader.history, chars_per_id_of(reader)
        state = _state(path, reader.last)
        return {
            "name": name,
            "state": state,
            "state_text": state_in_words(state, reader),
            "words": sentences(reader),
            "step": reader.last.get("step", 0),
            "progress": figure(reader.pace[-1], "progress") if reader.pace else None,
            "left_s": seconds_left(reader) if state == "running" else None,
            "next": reader.num_bytes,
            "curves": {
                "training": _points(history.curves["loss"].at_most(points), scale=1 / per_id),
                "validation": _points(history.curves["nats_per_char"].at_most(points)),
                "base": _points(history.curves["base_loss"].at_most(points)),
            },
            "marks": _marks(history.facts),
            "samples": [self._samples(each) for each in history.samples if each.first],
            "snapshots": list(reader.snapshots),
            "happened": self._happened(history.happened),
            "settings": self._settings(path),
        }

    def _samples(self, samples: FirstAndLast) -> dict[str, Any]:
        """Return the texts of a prompt; of those of one step the newest."""
        by_step = {each["step"]: each for each in (*samples.first, *samples.last)}
        first = samples.first[0]
        is_told = "prompt" in first and not self.hides_text
        return {
            "number": first.get("number", 0),
            "prompt": strip_controls(str(first["prompt"])) if is_told else None,
            "is_told": is_told,
            "texts": [
                {"step": step, "text": strip_controls(str(by_step[step].get("text", "")))}
                for step in sorted(by_step)
            ],
        }

    def _happened(self, happened: FirstAndLast) -> list[dict[str, Any]]:
        """Return what is worth a sentence, with its step."""
        hidden = dict.fromkeys(PRIVATE_FIELDS, NOT_SHOWN) if self.hides_text else {}
        events = [
            {name: hidden.get(name, value) for name, value in each.items()}
            for each in (*happened.first, *happened.last)
        ]
        told = ((each["step"], sentence_of(each)) for each in events)
        return [{"step": step, "text": one_line(text)} for step, text in told if text]

    def _settings(self, path: Path) -> dict[str, str]:
        try:
            told = tomllib.loads(read_whole(path / SETTINGS, follows_links=False).decode())
            return {
                one_line(key): one_line(str(value))
                for key, value in [*told.items()][:MAX_SETTINGS]
                if not self.hides_text or isinstance(value, int | float)
            }
        except (OSError, ValueError, RecursionError):  # numbers of thousands of digits, too
            return {}


def _is_name_of_run(name: str) -> bool:
    return name.endswith(RUN_SUFFIX) and name == name.encode(errors="replace").decode()


def _points(buckets: list[Bucket], *, scale: float = 1.0) -> list[list[float]]:
    """Return first step, last step, least, mean and most of each bucket."""
    return [
        [each.first_step, each.last_step, *(v * scale for v in (each.low, each.mean, each.high))]
        for each in buckets
    ]


def _marks(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = ((key, name, figure(facts, key)) for key, name in MARKS.items())
    return [
        {"kind": key, "name": name, "nats": nats} for key, name, nats in found if nats is not None
    ]


def _state(path: Path, last: Event) -> State:
    if lock.is_held(path):
        return "running"
    if not last:
        return "empty"
    if last["event"] == "Finished":
        return "interrupted" if last.get("reason") == "interrupted" else "finished"
    return "stopped"


def _last_event(path: Path) -> Event:
    """Return the last whole line that is an event, saves apart: they may come behind the end."""
    try:
        with open_regular(path, follows_links=False) as file:
            file.seek(max(file.seek(0, 2) - TAIL_BYTES, 0))
            lines = file.read(TAIL_BYTES).split(b"\n")[:-1]
    except OSError:
        return {}
    events = [each for each in map(_parsed, lines) if each]
    ends = [each for each in events if each["event"] not in SUCCESSFUL_SAVES]
    return next(reversed(ends or events), {})


def _parsed(line: bytes) -> Event:
    """Return a line's event; nothing where it is none."""
    try:
        event = parse_line(line)
    except (ValueError, RecursionError):
        return {}
    is_event = isinstance(event, dict) and type(event.get("step")) is int
    return event if is_event and isinstance(event.get("event"), str) else {}


def _without_private(event: Event) -> Event:
    return {key: value for key, value in event.items() if key not in PRIVATE_FIELDS}


def _modified_s(path: Path) -> float:
    """Return when something last happened in a run."""
    for each in (path / METRICS, path):
        try:
            return each.stat().st_mtime
        except OSError:
            continue
    return 0.0
