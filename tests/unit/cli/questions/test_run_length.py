"""Asking how long to train."""

import io
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from lumina_cli.cli.questions.run_length import minutes_for


def plan(device: str = "cpu (2 threads)") -> Any:
    return SimpleNamespace(seconds=6.5 * 86_400, device=device)


@pytest.mark.parametrize(
    ("typed", "minutes"),
    [("1\n", 10), ("2\n", 60), ("3\n", None), ("\n", 10), ("", 10), ("9\nno\n2.\n", 60)],
)
def test_a_person_is_told_how_long_it_takes_and_chooses(
    typed: str,
    minutes: float | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    assert minutes_for(plan(), asks=True) == minutes
    out, err = capsys.readouterr()
    assert out == ""
    assert "This run would take about 6 d 12 h" in err
    assert err.count("Which one?") == max(typed.count("\n"), 1)


def test_nobody_is_asked_in_a_pipe_and_a_run_on_a_cpu_ends(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert minutes_for(plan(), asks=False) == 10
    err = capsys.readouterr().err
    assert "6 d 12 h" in err
    assert "--minutes 10" in err
    assert "--epochs 100" in err


def test_a_gpu_trains_as_planned_where_nobody_can_be_asked() -> None:
    assert minutes_for(plan("cuda (NVIDIA H200, 139 GiB)"), asks=False) is None
