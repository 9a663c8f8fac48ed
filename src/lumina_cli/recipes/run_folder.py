"""The folder beside a model: what happened in its run, a line an event."""

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lumina_cli.core.training.events import Sampled, TrainEvent
from lumina_cli.errors import OutputError, StorageError


class RunFolder:
    """Writes `metrics.jsonl`, `samples.txt` and `settings.toml`.

    Args:
        model_path: of the model; `Model.pth` has the folder `Model.run`.
    """

    def __init__(self, model_path: Path) -> None:
        self.path = model_path.with_suffix(".run")
        self._metrics = self.path / "metrics.jsonl"
        self._samples = self.path / "samples.txt"

    def start(self, settings: Mapping[str, object]) -> None:
        """Begin anew. Raises OutputError when the folder can't be made."""
        try:
            self.path.mkdir(exist_ok=True)
            for path in (self._metrics, self._samples):
                path.write_text("", encoding="utf-8")
            (self.path / "settings.toml").write_text(to_toml(settings), encoding="utf-8")
        except OSError as error:
            raise OutputError(
                f"the run's folder {self.path} can't be written: {error.strerror}",
                hint="Name another place with: --out FOLDER/Model.pth",
            ) from error

    def record(self, event: TrainEvent) -> None:
        """Add one event. Raises StorageError when the disk is full or fails."""
        line = {"event": type(event).__name__, **_finite(dataclasses.asdict(event))}
        _append(self._metrics, json.dumps(line) + "\n")
        if isinstance(event, Sampled):
            _append(self._samples, f"--- step {event.step}\n{event.text}\n")


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise StorageError(f"{path} can't be written: {error.strerror}") from error


def to_toml(settings: Mapping[str, object]) -> str:
    """Return settings as a TOML file that `--config` reads back; unset ones are left out."""
    return "".join(
        f"{name} = {_toml_value(value)}\n" for name, value in settings.items() if value is not None
    )


def _toml_value(value: object) -> str:
    """A value as JSON writes it is TOML too, but for pairs of \\u and for the DEL character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """JSON has no NaN: a figure that is not a number is null."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in values.items()
    }
