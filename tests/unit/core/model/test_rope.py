"""Waves and turns, against the formulas of the papers."""

import cmath
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.core.model.rope import (
    qkv_turns,
    rotary_turns,
    rotate,
    rotate_in_parts,
    sinusoidal_positions,
    split_heads,
    turned,
)


def angle(t: int, pair: int, size: int) -> float:
    """The angle of position t for the pair of numbers `pair`, by the formula."""
    return float(t / 10_000 ** (2 * pair / size))


def test_waves_are_those_of_the_paper() -> None:
    table = sinusoidal_positions(20, 8)
    for t, c in [(0, 0), (0, 1), (1, 0), (1, 1), (7, 3), (19, 6), (19, 7)]:
        wave = math.cos if c % 2 else math.sin
        assert table[t, c].item() == pytest.approx(wave(angle(t, c // 2, 8)), abs=1e-6)


def test_waves_stay_exact_far_out() -> None:
    table = sinusoidal_positions(60_000, 2)
    assert table[59_999, 0].item() == pytest.approx(math.sin(59_999), abs=1e-6)


@pytest.mark.parametrize("t", [0, 1, 5, 31])
def test_a_turn_multiplies_each_pair_by_a_complex_number(t: int) -> None:
    qk = torch.randn(1, 1, 2, 1, 8, generator=torch.Generator().manual_seed(0))
    turned = rotate(qk, rotary_turns(32, 8)[t : t + 1])
    for numbers, found in zip(qk.view(2, 8).tolist(), turned.view(2, 8).tolist(), strict=True):
        for pair in range(4):
            number = complex(numbers[2 * pair], numbers[2 * pair + 1])
            expected = number * cmath.exp(1j * angle(t, pair, 8))
            assert complex(found[2 * pair], found[2 * pair + 1]) == pytest.approx(
                expected, abs=1e-5
            )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_real_products_turn_as_complex_ones_do(dtype: torch.dtype) -> None:
    qk = torch.randn(2, 5, 2, 3, 8, generator=torch.Generator().manual_seed(3)).to(dtype)
    turns = rotary_turns(32, 8)[7:12]
    torch.testing.assert_close(rotate_in_parts(qk, turns), rotate(qk, turns))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_few_positions_are_turned_as_many_are_and_values_stay(dtype: torch.dtype) -> None:
    qkv = torch.randn(2, 5, 3, 4, 8, generator=torch.Generator().manual_seed(4)).to(dtype)
    turns = rotary_turns(32, 8)
    found = turned(qkv.clone(), qkv_turns(turns)[7:12])
    torch.testing.assert_close(found[:, :, :2], rotate(qkv[:, :, :2], turns[7:12]))
    assert torch.equal(found[:, :, 2], qkv[:, :, 2])


@given(early=st.integers(0, 20), gap=st.integers(0, 20), shift=st.integers(0, 20))
def test_what_two_positions_say_to_each_other_depends_on_their_distance_alone(
    early: int, gap: int, shift: int
) -> None:
    q, k = torch.randn(2, 16, generator=torch.Generator().manual_seed(1)).unbind(0)
    turns = rotary_turns(64, 16)

    def at(x: torch.Tensor, t: int) -> torch.Tensor:
        return rotate(x.view(1, 1, 1, 1, 16), turns[t : t + 1])

    def score(q_at: int, k_at: int) -> float:
        return (at(q, q_at) * at(k, k_at)).sum().item()

    here, there = score(early + gap, early), score(early + gap + shift, early + shift)
    assert here == pytest.approx(there, abs=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_heads_are_split_and_turned_in_one_pass_as_in_several(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(2)
    start = torch.randn(2, 5, 3, 4, 6, generator=generator).to(dtype)  # (B, T, 3, H, D)
    weights = torch.randn(3, 2, 4, 5, 6, generator=generator).to(dtype)
    turns = rotary_turns(9, 6)[:5]

    def by_parts(qkv: torch.Tensor) -> torch.Tensor:
        q, k = rotate(qkv[:, :, :2], turns).permute(2, 0, 3, 1, 4).unbind(0)
        return torch.stack([q, k, qkv[:, :, 2].transpose(1, 2)])

    found, expected = start.clone().requires_grad_(), start.clone().requires_grad_()
    split, parts = torch.stack(split_heads(found, turns=turns)), by_parts(expected)
    torch.testing.assert_close(split, parts)
    torch.autograd.backward((split * weights).sum())
    torch.autograd.backward((parts * weights).sum())
    torch.testing.assert_close(found.grad, expected.grad)
