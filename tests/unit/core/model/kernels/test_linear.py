"""Products of a few rows, by each routine against fp64."""

import functools
import time
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from lumina_cli.core.model.kernels import linear as products
from lumina_cli.core.model.kernels.linear import fastest


def linears(*shapes: tuple[int, int]) -> list[nn.Linear]:
    torch.manual_seed(0)
    return [nn.Linear(*shape) for shape in shapes]


def exact(linear: nn.Linear, x: Tensor) -> Tensor:
    bias = linear.bias.detach().double()
    return torch.addmm(bias, x.double(), linear.weight.detach().double().T)


WAYS: dict[str, Callable[[nn.Linear, int], products.Linear]] = {
    "plain": products._plainly,
    "parts": products._in_parts,
    "mkl": products._by_mkl,
    "onednn": functools.partial(products._by_onednn, pack=products._packed_by_onednn),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("num_rows", [1, 8, 13])
@pytest.mark.parametrize("shape", [(16, 48), (48, 16), (7, 5), (9, 12)])
def test_every_routine_computes_the_same(way: str, num_rows: int, shape: tuple[int, int]) -> None:
    (linear,) = linears(shape)
    x = torch.randn(num_rows, shape[0])
    with torch.no_grad():
        found = WAYS[way](linear, num_rows)(x)
    torch.testing.assert_close(found.double(), exact(linear, x), rtol=1e-5, atol=1e-5)


def test_there_is_a_map_for_each_layer_and_number_of_rows() -> None:
    layers = linears((16, 48), (48, 16), (16, 48))
    found = fastest(layers, rows=(1, 8))
    assert set(found) == {1, 8}
    for num_rows, maps in found.items():
        for linear, linear_map in zip(layers, maps, strict=True):
            x = torch.randn(num_rows, linear.in_features)
            torch.testing.assert_close(linear_map(x).double(), exact(linear, x), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("times_s", "chosen"),
    [
        ({"plain": 1.0}, "plain"),
        ({"parts": 1.0}, "parts"),
        ({"mkl": 1.0}, "mkl"),
        ({"onednn": 1.7}, "onednn"),
        ({"onednn": 1.9}, "plain"),
        ({"parts": 1.5, "onednn": 1.4}, "parts"),
        ({"parts": 1.5, "onednn": 1.3}, "onednn"),
    ],
)
def test_the_fastest_is_chosen_where_it_gains_more_than_it_costs(
    times_s: dict[str, float], chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    used: list[str] = []

    def way(name: str) -> products._Way:
        def run(x: Tensor) -> Tensor:
            clock[0] += times_s.get(name, 2.0)
            used.append(name)
            return x

        return lambda _, __: run

    ways = {name: way(name) for name in WAYS}
    (layer,) = linears((4, 4))
    assert products._fastest_way([layer], list(ways.values()), num_rows=1) is ways[chosen]
    assert set(used) == set(WAYS)


def test_each_shape_is_tried_once_for_each_number_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[tuple[int, int]] = []
    simplest: list[products._Way] = []

    def fastest_way(
        same: Sequence[nn.Linear], ways: list[products._Way], *, num_rows: int
    ) -> products._Way:
        assert len(same) == 2
        simplest[:] = ways[:2]
        tried.append((same[0].out_features, num_rows))
        return ways[0]

    monkeypatch.setattr(products, "_fastest_way", fastest_way)
    fastest(linears((8, 8), (8, 16), (8, 8), (8, 16)), rows=(1, 8))
    assert simplest == [products._plainly, products._in_parts]
    assert tried == [(8, 1), (16, 1), (8, 8), (16, 8)]


def test_onednn_packs_a_layer_once_for_all_numbers_of_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    packed: list[nn.Linear] = []
    pack = products._packed_by_onednn
    monkeypatch.setattr(
        products, "_packed_by_onednn", lambda linear: packed.append(linear) or pack(linear)
    )
    monkeypatch.setattr(products, "_fastest_way", lambda _, ways, *, num_rows: ways[-1])
    layers = linears((8, 8), (8, 8))
    fastest(layers, rows=(1, 8))
    assert packed == layers


def test_parts_are_eight_views_of_the_weights() -> None:
    (linear,) = linears((16, 48))
    linear_map = products._in_parts(linear, 1)
    x = torch.randn(1, 16)
    with torch.no_grad():
        linear.weight.mul_(2)
        torch.testing.assert_close(linear_map(x).double(), exact(linear, x), atol=1e-5, rtol=0)
    with torch.profiler.profile(record_shapes=True) as profile, torch.no_grad():
        linear_map(x)
    shapes = [event.input_shapes for event in profile.events() if event.name == "aten::baddbmm"]
    assert [shape[2] for shape in shapes] == [[8, 16, 6]]


def test_what_is_not_fp32_remains_as_it_is() -> None:
    rounded = nn.Linear(8, 8).bfloat16()
    (linear_map,) = fastest([rounded], rows=(1,))[1]
    x = torch.randn(1, 8).bfloat16()
    with torch.no_grad():
        assert torch.equal(linear_map(x), rounded(x))
