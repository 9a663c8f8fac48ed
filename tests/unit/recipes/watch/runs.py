"""Runs as they lie on a disk, written by hand."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FACTS = {"is_chat": True, "chars_per_id": 1.0, "guessing": 5.0, "letters": 3.0, "spelling": 2.0}


def started(**facts: Any) -> dict[str, Any]:
    return {"event": "RunStarted", "step": 0, **FACTS, **facts}


def step(number: int, loss: float | None, **more: Any) -> dict[str, Any]:
    times = {"elapsed_s": number * 2.0, "progress": number / 100}
    return {"event": "StepDone", "step": number, "loss": loss, **times, **more}


def evaluated(number: int, nats: float) -> dict[str, Any]:
    return {"event": "Evaluated", "step": number, "nats_per_char": nats}


def sampled(at: int, text: str, **more: Any) -> dict[str, Any]:
    return {"event": "Sampled", "step": at, "text": text, **more}


def finished(number: int, reason: str = "max_steps") -> dict[str, Any]:
    return {"event": "Finished", "step": number, "reason": reason, "elapsed_s": 1.0}


def write_run(
    folder: Path, events: Iterable[dict[str, Any]], *, name: str = "Model.run", settings: str = ""
) -> Path:
    run = folder / name
    run.mkdir(exist_ok=True)
    text = "".join(json.dumps(event) + "\n" for event in events)
    (run / "metrics.jsonl").write_text(text, encoding="utf-8")
    (run / "settings.toml").write_text(settings, encoding="utf-8")
    return run
