"""Which devices processes can train on together."""

from dataclasses import replace

import pytest
import torch

from lumina_cli.core.training.parallel.joining import check_device, join
from lumina_cli.core.training.parallel.place import Place
from lumina_cli.core.training.parallel.rank import SingleProcess
from lumina_cli.errors import UsageError

PLACE = Place(0, 2, 0, 2, "here", "127.0.0.1", 1, "", 0, False)


def test_without_a_launcher_a_process_is_alone() -> None:
    assert isinstance(join(torch.device("cpu")), SingleProcess)


def test_mps_is_refused() -> None:
    with pytest.raises(UsageError, match="several processes can't train on mps") as refused:
        check_device(torch.device("mps"), PLACE)
    assert "--device cpu" in refused.value.hint


def test_each_needs_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    check_device(torch.device("cuda"), PLACE)
    with pytest.raises(UsageError, match="4 processes need as many GPUs, and there are 2"):
        check_device(torch.device("cuda"), replace(PLACE, local_world_size=4))
