"""Linear maps of a few rows, plain and packed, against fp64; also where torch packs none."""

import time
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lumina_cli.core.model.kernels import linear as module
from lumina_cli.core.model.kernels.linear import (
    LEAST_WEIGHTS,
    PACKED_FOR,
    Linear,
    fastest,
    in_parts,
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


@pytest.fixture
def _any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also small matrices are worth packing."""
    monkeypatch.setattr(module, "LEAST_WEIGHTS", 1)


@pytest.fixture
def _packing_wins(monkeypatch: pytest.MonkeyPatch, _any_size: None) -> None:
    """Packed maps take no time at all."""
    taken_s = iter([0.0, 1.0] * 1_000)
    monkeypatch.setattr(module, "_seconds", lambda maps, x: next(taken_s))


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
@pytest.mark.parametrize("num_rows", [1, PACKED_FOR])
def test_there_is_a_map_for_each_layer(num_rows: int) -> None:
    layers = linears((16, 48), (48, 16), (16, 48))
    for linear, linear_map in zip(layers, fastest(layers, num_rows=num_rows), strict=True):
        assert_exact(linear_map, linear, num_rows=num_rows)


@pytest.mark.usefixtures("_any_size")
@pytest.mark.parametrize(("num_rows", "form"), [(1, "in_parts"), (8, "packed")])
@pytest.mark.parametrize(("other_s", "is_chosen"), [(0.5, True), (2.0, False), (1.0, False)])
def test_the_faster_one_is_chosen(
    num_rows: int, form: str, other_s: float, is_chosen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    def taking(seconds: float) -> Callable[[nn.Linear], Linear]:
        def form(linear: nn.Module) -> Linear:
            def run(x: Tensor) -> Tensor:
                clock[0] += seconds
                return linear(x)  # type: ignore[no-any-return]

            return run

        return form

    monkeypatch.setattr(module, form, taking(other_s))
    monkeypatch.setattr(module, "plain", taking(1.0))
    for linear_map in fastest(linears((4, 4), (4, 4)), num_rows=num_rows):
        started_s = clock[0]
        linear_map(torch.ones(num_rows, 4))
        assert clock[0] - started_s == (other_s if is_chosen else 1.0)


def test_one_trial_that_was_held_up_does_not_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, taken_s = [0.0], iter([0, 100.0, 0, 1.0, 0, 50.0])  # each is run once before
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    def run(x: Tensor) -> Tensor:
        clock[0] += next(taken_s)
        return x

    assert module._seconds([run], torch.ones(1, 1)) == 1.0


@pytest.mark.usefixtures("_any_size")
def test_each_shape_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[tuple[int, int, int]] = []

    def is_faster(same: Sequence[nn.Linear], num_rows: int) -> bool:
        tried.append((len(same), same[0].out_features, num_rows))
        return False

    monkeypatch.setattr(module, "_is_faster", is_faster)
    layers = linears((8, 8), (8, 16), (8, 8), (8, 16), (8, 8), (8, 8))
    fastest(layers, num_rows=8)
    assert tried == [(3, 8, 8), (2, 16, 8)]  # three do for a trial


@pytest.mark.usefixtures("_packing_wins")
def test_only_what_is_worth_it_is_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    rounded = nn.Linear(8, 8).bfloat16()
    num_packed: list[nn.Linear] = []
    monkeypatch.setattr(module, "packed", lambda linear: num_packed.append(linear) or plain(linear))
    layers = [*linears((8, 8), (8, 8)), rounded]
    fastest(layers, num_rows=8)
    assert num_packed == [*layers[:2], *layers[:2]]  # tried, and taken
    num_packed.clear()
    monkeypatch.setattr(module, "LEAST_WEIGHTS", LEAST_WEIGHTS)
    fastest(layers, num_rows=8)
    assert not num_packed  # they lie in the cache anyway


@pytest.mark.usefixtures("_any_size")
def test_what_is_not_fp32_remains_as_it_is() -> None:
    rounded = nn.Linear(8, 8).bfloat16()
    (linear_map,) = fastest([rounded], num_rows=1)
    x = torch.randn(1, 8).bfloat16()
    with torch.no_grad():
        assert torch.equal(linear_map(x), rounded(x))


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


@pytest.mark.usefixtures("_packing_wins")
@pytest.mark.parametrize("other", OTHER_TORCHES)
@pytest.mark.parametrize("num_rows", [2, 8])
def test_where_torchs_private_operations_are_others_maps_are_plain(
    other: str, num_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.ops, "mkldnn", OTHER_TORCHES[other])
    layers = linears((16, 48), (48, 16))
    maps = fastest(layers, num_rows=num_rows)
    for linear, linear_map in zip(layers, maps, strict=True):
        assert_exact(linear_map, linear, num_rows=num_rows)


@pytest.mark.usefixtures("_packing_wins")
def test_the_fake_operations_would_be_used_if_they_were_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise the test above would show nothing."""
    used: list[int] = []
    ops = fake_ops(reorder=keeps, multiply=lambda *args: used.append(1) or right(*args))
    monkeypatch.setattr(torch.ops, "mkldnn", ops)
    layers = linears((16, 48))
    (linear_map,) = fastest(layers, num_rows=8)
    used.clear()
    assert_exact(linear_map, layers[0], num_rows=8)
    assert used == [1]
