from types import SimpleNamespace

import pytest
import torch
from torch import nn

from lumina_cli.core.training.parallel.rank import SingleProcess
from lumina_cli.core.training.parallel.reduction import STRETCH
from lumina_cli.recipes.run.ranks import sharing

MODEL = nn.Linear(10, 10)


class TwoRanks(SingleProcess):
    world_size = 2


def notice(monkeypatch: pytest.MonkeyPatch, *, sum_s: float, steps: int | None = 10) -> str | None:
    """What is told of a step of three seconds."""
    monkeypatch.setattr(sharing, "measure_sum_s", lambda *_, **__: sum_s)
    config = SimpleNamespace(minutes=None, windows_per_step=16, optimizer="adamw")
    compute = SimpleNamespace(rank=TwoRanks(), device=torch.device("cpu"))
    plan = SimpleNamespace(
        steps=steps, seconds=30.0, model=SimpleNamespace(seq_length=512), chars_per_id=1.0
    )
    job = SimpleNamespace(compute=compute, config=config, model=MODEL)
    return sharing.sharing_notice(job, plan)  # type: ignore[arg-type]


def test_a_batch_that_is_too_small_for_its_processes_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert notice(monkeypatch, sum_s=1.0) == (
        "8,192 characters a step keep 2 processes busy 75% of their time: raise --batch-size, "
        "or use fewer"
    )


def test_nothing_is_told_where_sums_take_little(monkeypatch: pytest.MonkeyPatch) -> None:
    assert notice(monkeypatch, sum_s=0.1) is None


def test_nothing_is_told_where_no_step_was_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert notice(monkeypatch, sum_s=1.0, steps=None) is None


@pytest.mark.parametrize(("shares_update", "taken_s"), [(False, 4), (True, 4.5)])
def test_a_small_model_waits_for_its_whole_sum(shares_update: bool, taken_s: float) -> None:
    share = sharing.busy_share(3.0, 1.0, numbers=100, world_size=2, shares_update=shares_update)
    assert share == pytest.approx(3 / taken_s)


def test_of_a_large_one_only_what_comes_last_is_waited_for() -> None:
    # forward 1 s, backward 2 s in four stretches, each summed in a quarter of a second
    share = sharing.busy_share(3.0, 1.0, numbers=4 * STRETCH, world_size=2, shares_update=False)
    assert share == pytest.approx(3 / 3.25)


def test_sums_are_timed_and_touch_no_gradient_of_the_model() -> None:
    assert sharing.measure_sum_s(100, device=torch.device("cpu"), rank=TwoRanks()) > 0
    assert all(parameter.grad is None for parameter in MODEL.parameters())
