"""Waves and turns, against the formulas of the papers."""

import cmath
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.core.model.functional import split_heads
from lumina_cli.core.model.kernels.rope import qkv_freqs_cis, rotate_in_place
from lumina_cli.core.model.rope import apply_rotary_emb, rotary_cos_sin, sinusoidal_positions


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


@pytest.fixture(params=["complex numbers", "real ones, for compilers"])
def _form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    is_compiling = request.param != "complex numbers"
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: is_compiling)


@pytest.mark.usefixtures("_form")
@pytest.mark.parametrize("t", [0, 1, 5, 31])
def test_a_rotation_multiplies_each_pair_by_a_complex_number(t: int) -> None:
    qk = torch.randn(1, 1, 2, 1, 8, generator=torch.Generator().manual_seed(0))
    rotated = apply_rotary_emb(qk, rotary_cos_sin(32, 8)[t : t + 1])
    for numbers, found in zip(qk.view(2, 8).tolist(), rotated.view(2, 8).tolist(), strict=True):
        for pair in range(4):
            number = complex(numbers[2 * pair], numbers[2 * pair + 1])
            expected = number * cmath.exp(1j * angle(t, pair, 8))
            assert complex(found[2 * pair], found[2 * pair + 1]) == pytest.approx(
                expected, abs=1e-5
            )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_real_products_rotate_as_complex_ones_do(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    qk = torch.randn(2, 5, 2, 3, 8, generator=torch.Generator().manual_seed(3)).to(dtype)
    cos_sin = rotary_cos_sin(32, 8)[7:12]
    by_complex = apply_rotary_emb(qk, cos_sin)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    torch.testing.assert_close(apply_rotary_emb(qk, cos_sin), by_complex)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_few_positions_are_rotated_as_many_are_and_values_stay(dtype: torch.dtype) -> None:
    qkv = torch.randn(2, 5, 3, 4, 8, generator=torch.Generator().manual_seed(4)).to(dtype)
    cos_sin = rotary_cos_sin(32, 8)
    found = rotate_in_place(qkv.clone(), qkv_freqs_cis(cos_sin)[7:12])
    torch.testing.assert_close(found[:, :, :2], apply_rotary_emb(qkv[:, :, :2], cos_sin[7:12]))
    assert torch.equal(found[:, :, 2], qkv[:, :, 2])


@pytest.mark.usefixtures("_form")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rows_at_positions_of_their_own_are_rotated_as_each_alone(dtype: torch.dtype) -> None:
    """Three rows and three heads, so that one can't be taken for the other unseen."""
    qkv = torch.randn(3, 5, 3, 3, 8, generator=torch.Generator().manual_seed(5)).to(dtype)
    cos_sin = rotary_cos_sin(32, 8)
    where = torch.tensor([[0, 1, 2, 3, 4], [9, 10, 11, 11, 11], [31, 31, 31, 31, 31]])
    together = apply_rotary_emb(qkv[:, :, :2], cos_sin[where])
    in_place = rotate_in_place(qkv.clone(), qkv_freqs_cis(cos_sin)[where])
    split = split_heads(qkv, cos_sin[where])
    for row, positions in enumerate(where):
        alone = apply_rotary_emb(qkv[row : row + 1, :, :2], cos_sin[positions])[0]
        torch.testing.assert_close(together[row], alone)
        torch.testing.assert_close(in_place[row, :, :2], alone)
        torch.testing.assert_close(split[0][row], alone[:, 0].transpose(0, 1))
        torch.testing.assert_close(split[1][row], alone[:, 1].transpose(0, 1))


@given(early=st.integers(0, 20), gap=st.integers(0, 20), shift=st.integers(0, 20))
def test_what_two_positions_say_to_each_other_depends_on_their_distance_alone(
    early: int, gap: int, shift: int
) -> None:
    q, k = torch.randn(2, 16, generator=torch.Generator().manual_seed(1)).unbind(0)
    cos_sin = rotary_cos_sin(64, 16)

    def at(x: torch.Tensor, t: int) -> torch.Tensor:
        return apply_rotary_emb(x.view(1, 1, 1, 1, 16), cos_sin[t : t + 1])

    def score(q_at: int, k_at: int) -> float:
        return (at(q, q_at) * at(k, k_at)).sum().item()

    here, there = score(early + gap, early), score(early + gap + shift, early + shift)
    assert here == pytest.approx(there, abs=1e-4)


@pytest.mark.usefixtures("_form")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_heads_are_split_and_rotated_as_one_by_one_gradients_too(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(2)
    start = torch.randn(2, 5, 3, 4, 6, generator=generator).to(dtype)  # (B, T, 3, H, D)
    weights = torch.randn(3, 2, 4, 5, 6, generator=generator).to(dtype)

    def one_by_one(qkv: torch.Tensor) -> torch.Tensor:
        """Rotate by matrices, number by number."""
        t, pair = torch.arange(5.0).view(5, 1), torch.arange(3.0)
        angles = t / 10_000 ** (2 * pair / 6)  # (T, D / 2)
        cos, sin = (wave.view(1, 5, 1, 1, 3) for wave in (angles.cos(), angles.sin()))
        even, odd = qkv[:, :, :2, :, 0::2].float(), qkv[:, :, :2, :, 1::2].float()
        rotated = torch.stack([even * cos - odd * sin, odd * cos + even * sin], dim=-1)
        qk = rotated.reshape(2, 5, 2, 4, 6).to(dtype)
        parts = [qk[:, :, 0], qk[:, :, 1], qkv[:, :, 2]]
        return torch.stack([part.transpose(1, 2) for part in parts])

    found, expected = start.clone().requires_grad_(), start.clone().requires_grad_()
    split, parts = torch.stack(split_heads(found, rotary_cos_sin(9, 6)[:5])), one_by_one(expected)
    torch.testing.assert_close(split, parts)
    torch.autograd.backward((split * weights).sum())
    torch.autograd.backward((parts * weights).sum())
    torch.testing.assert_close(found.grad, expected.grad)


def test_without_rotation_heads_are_split_as_they_are() -> None:
    qkv = torch.randn(2, 5, 3, 4, 6, generator=torch.Generator().manual_seed(2))
    for found, part in zip(split_heads(qkv, None), qkv.unbind(2), strict=True):
        assert torch.equal(found, part.transpose(1, 2))
