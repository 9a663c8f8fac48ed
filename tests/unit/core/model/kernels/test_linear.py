"""Linear maps of a few rows, plain and packed, against fp64; also where torch packs none."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lumina_cli.core.model.kernels import linear as module
from lumina_cli.core.model.kernels.linear import (
    LEAST_WEIGHTS,
    Linear,
    in_parts,
    of_few_rows,
    of_one_row,
    packed,
    plain,
)


def linears(*shapes: tuple[int, int]) -> list[nn.Linear]:
    torch.manual_seed(0)
    return [nn.Linear(*shape) for shape in shapes]


def exact(linear: nn.Linear, x: Tensor) -> Tensor:
    bias = linear.bias.detach().double()
    return torch.addmm(bias, x.double(), linear.weight.detach().double().T)


def assert_exact(linear_map: Linear, linear: nn.Linear, *, num_rows: int) -> None:
    x = torch.randn(num_rows, linear.in_features)
    with torch.no_grad():
        found = linear_map(x)
    torch.testing.assert_close(found.double(), exact(linear, x), rtol=1e-5, atol=1e-5)


@pytest.fixture(autouse=True)
def _asks_anew() -> Iterator[None]:
    """Whether torch can pack is asked once in a process: in each test here."""
    can_pack = module._can_pack
    can_pack.cache_clear()
    yield
    can_pack.cache_clear()


@pytest.fixture
def _any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small matrices count as large."""
    monkeypatch.setattr(module, "LEAST_WEIGHTS", 1)


@pytest.mark.parametrize("way", [plain, packed])
@pytest.mark.parametrize("num_rows", [1, 8, 13])
@pytest.mark.parametrize("shape", [(16, 48), (48, 16), (7, 5), (9, 12)])
def test_either_form_computes_the_same(
    way: Callable[[nn.Linear], Linear], num_rows: int, shape: tuple[int, int]
) -> None:
    (linear,) = linears(shape)
    with torch.no_grad():
        assert_exact(way(linear), linear, num_rows=num_rows)


@pytest.mark.parametrize("shape", [(16, 48), (48, 16), (7, 5), (9, 12), (16, 6)])
def test_one_row_in_parts_is_the_same(shape: tuple[int, int]) -> None:
    (linear,) = linears(shape)
    with torch.no_grad():
        assert_exact(in_parts(linear), linear, num_rows=1)


@pytest.mark.usefixtures("_any_size")
@pytest.mark.parametrize(
    ("map_of", "num_rows"), [(of_one_row, 1), (of_few_rows, 2), (of_few_rows, 9)]
)
def test_there_is_a_map_for_each_layer(
    map_of: Callable[[nn.Module], Linear], num_rows: int
) -> None:
    for linear in linears((16, 48), (48, 16), (7, 5)):
        assert_exact(map_of(linear), linear, num_rows=num_rows)


@pytest.mark.parametrize("form", ["in_parts", "packed"])
def test_small_maps_and_those_not_in_fp32_remain_plain(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, form, lambda linear: pytest.fail("it lies in the cache anyway"))
    monkeypatch.setattr(module, "_can_pack", lambda: True)
    (small,) = linears((8, 8))
    rounded = nn.Linear(512, 512).bfloat16()
    assert rounded.weight.numel() >= LEAST_WEIGHTS
    map_of = of_one_row if form == "in_parts" else of_few_rows
    for linear in (small, rounded):
        x = torch.randn(1, linear.in_features).to(linear.weight.dtype)
        with torch.no_grad():
            torch.testing.assert_close(map_of(linear)(x), linear(x))


def raising(error: Exception) -> Callable[..., Tensor]:
    def operation(*_: object) -> Tensor:
        raise error

    return operation


def fake_ops(
    *, reorder: Callable[..., Any] | None, multiply: Callable[..., Any] | None
) -> SimpleNamespace:
    """torch.ops.mkldnn with these operations alone."""
    there = {}
    if reorder is not None:
        there["_reorder_linear_weight"] = reorder
    if multiply is not None:
        there["_linear_pointwise"] = SimpleNamespace(default=SimpleNamespace(op=multiply))
    return SimpleNamespace(**there)


def keeps(weight: Tensor, _: int) -> Tensor:
    return weight


def right(x: Tensor, weight: Tensor, bias: Tensor, *_: object) -> Tensor:
    return torch.addmm(bias, x, weight.t())


OTHER_TORCHES: dict[str, SimpleNamespace] = {
    "none": fake_ops(reorder=None, multiply=None),
    "no packing": fake_ops(reorder=None, multiply=right),
    "no products": fake_ops(reorder=keeps, multiply=None),
    "other products": SimpleNamespace(_reorder_linear_weight=keeps, _linear_pointwise=right),
    "packing fails": fake_ops(reorder=raising(RuntimeError("not built")), multiply=right),
    "packing isn't there": fake_ops(reorder=raising(NotImplementedError("meta")), multiply=right),
    "other arguments": fake_ops(reorder=raising(TypeError("takes 3")), multiply=right),
    "products fail": fake_ops(reorder=keeps, multiply=raising(RuntimeError("no primitive"))),
    "wrong numbers": fake_ops(reorder=keeps, multiply=lambda *args: right(*args) + 1),
    "no numbers": fake_ops(reorder=keeps, multiply=lambda *args: right(*args) * torch.nan),
    "wrong shape": fake_ops(reorder=keeps, multiply=lambda *args: right(*args)[:, 1:]),
    "wrong type": fake_ops(reorder=keeps, multiply=lambda *args: right(*args).double()),
    "no tensor": fake_ops(reorder=keeps, multiply=lambda *_: None),
}


@pytest.mark.usefixtures("_any_size")
@pytest.mark.parametrize("other", OTHER_TORCHES)
@pytest.mark.parametrize("num_rows", [2, 8])
def test_where_torchs_private_operations_are_others_maps_are_plain(
    other: str, num_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.ops, "mkldnn", OTHER_TORCHES[other])
    for linear in linears((16, 48), (48, 16)):
        assert_exact(of_few_rows(linear), linear, num_rows=num_rows)


@pytest.mark.usefixtures("_any_size")
def test_the_fake_operations_would_be_used_if_they_were_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise the test above would show nothing."""
    used: list[int] = []
    ops = fake_ops(reorder=keeps, multiply=lambda *args: used.append(1) or right(*args))
    monkeypatch.setattr(torch.ops, "mkldnn", ops)
    (linear,) = linears((16, 48))
    linear_map = of_few_rows(linear)
    used.clear()
    assert_exact(linear_map, linear, num_rows=8)
    assert used == [1]
