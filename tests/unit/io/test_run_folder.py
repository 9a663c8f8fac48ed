"""The folder beside a model."""

import errno
import json
import math
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from lumina_cli.core.training.events import Evaluated, Finished, Sampled
from lumina_cli.errors import OutputError
from lumina_cli.io.run_folder import RunFolder


def started(path: Path) -> RunFolder:
    folder = RunFolder(path / "Model.pth")
    folder.start({"seed": 1, "max_steps": None})
    return folder


def lines(path: Path) -> list[Any]:
    text = (path / "Model.run" / "metrics.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_the_folder_lies_beside_the_model_and_has_its_name(tmp_path: Path) -> None:
    assert RunFolder(tmp_path / "my.Model.pth").path == tmp_path / "my.Model.run"


def test_settings_are_written_as_a_settings_file(tmp_path: Path) -> None:
    started(tmp_path)
    text = (tmp_path / "Model.run" / "settings.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text) == {"seed": 1}


def test_each_event_is_a_line_with_its_name(tmp_path: Path) -> None:
    folder = started(tmp_path)
    folder.record(Finished(step=3, reason="max_steps", elapsed_s=1.5))
    folder.record(Finished(step=4, reason="epochs", elapsed_s=2.5))
    assert lines(tmp_path) == [
        {"event": "Finished", "step": 3, "reason": "max_steps", "elapsed_s": 1.5},
        {"event": "Finished", "step": 4, "reason": "epochs", "elapsed_s": 2.5},
    ]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_not_a_number_is_null(tmp_path: Path, number: float) -> None:
    folder = started(tmp_path)
    folder.record(Evaluated(0, number, 1.0, 0.5, is_best=False, seconds=0.1))
    assert lines(tmp_path)[0]["nats_per_char"] is None


def test_samples_are_kept_as_they_were_said(tmp_path: Path) -> None:
    folder = started(tmp_path)
    folder.record(Sampled(7, "zeile\nélan 🙂"))
    text = (tmp_path / "Model.run" / "samples.txt").read_text(encoding="utf-8")
    assert text == "--- step 7\nzeile\nélan 🙂\n"


def test_a_new_run_begins_anew(tmp_path: Path) -> None:
    started(tmp_path).record(Sampled(1, "old"))
    started(tmp_path)
    assert lines(tmp_path) == []
    assert (tmp_path / "Model.run" / "samples.txt").read_text(encoding="utf-8") == ""


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "Model.run").write_text("in the way", encoding="utf-8")
    with pytest.raises(OutputError, match=r"Model\.run can't be written"):
        started(tmp_path)


def test_a_full_disk_costs_a_line_and_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = started(tmp_path)

    def no_space(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as full:
        full.setattr(Path, "open", no_space)
        folder.record(Finished(step=3, reason="max_steps", elapsed_s=1.5))
    folder.record(Finished(step=4, reason="max_steps", elapsed_s=1.5))
    assert [line["step"] for line in lines(tmp_path)] == [4]
