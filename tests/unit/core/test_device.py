"""The choice of a device."""

from typing import Literal

import pytest
import torch

from lumina_cli.core.device import available_devices, choose_device, describe_device
from lumina_cli.errors import UsageError


def machine_with(monkeypatch: pytest.MonkeyPatch, *, cuda: bool, mps: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(False, False, "cpu"), (True, False, "cuda"), (False, True, "mps"), (True, True, "cuda")],
)
def test_auto_takes_the_fastest_there_is(
    monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, expected: str
) -> None:
    machine_with(monkeypatch, cuda=cuda, mps=mps)
    assert choose_device("auto").type == expected


def test_the_cpu_is_always_there(monkeypatch: pytest.MonkeyPatch) -> None:
    machine_with(monkeypatch, cuda=True, mps=True)
    assert available_devices() == ["cuda", "mps", "cpu"]
    assert choose_device("cpu").type == "cpu"


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(
    monkeypatch: pytest.MonkeyPatch, name: Literal["cuda", "mps"]
) -> None:
    machine_with(monkeypatch, cuda=False, mps=False)
    with pytest.raises(UsageError, match=rf"{name} is not available here \(there is: cpu\)"):
        choose_device(name)


@pytest.mark.parametrize(("num_threads", "shown"), [(1, "1 thread"), (2, "2 threads")])
def test_the_cpu_is_described_with_its_threads(
    monkeypatch: pytest.MonkeyPatch, num_threads: int, shown: str
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: num_threads)
    assert describe_device(torch.device("cpu")) == f"cpu ({shown})"
