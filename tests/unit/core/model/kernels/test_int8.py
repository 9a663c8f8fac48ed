"""Rounded weights against the definition, row by row, and against the model they come from."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lumina_cli.core.inference.engine import Engine
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.kernels import int8
from lumina_cli.core.model.kernels.int8 import Int8Linear, is_quantized, quantize
from lumina_cli.core.model.kernels.linear import of_few_rows, of_one_row
from lumina_cli.core.model.transformer import build_model
from lumina_cli.errors import UsageError


def some_linear() -> nn.Linear:
    linear = nn.Linear(48, 20)
    generator = torch.Generator().manual_seed(0)
    nn.init.normal_(linear.weight, generator=generator)
    nn.init.normal_(linear.bias, generator=generator)
    return linear


def some_rows(num_rows: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(num_rows, 48, generator=generator) * torch.arange(1, num_rows + 1)[:, None]


def by_definition(linear: nn.Linear, x: Tensor, *, by_pairs: bool) -> Tensor:
    """Round weights by output, and inputs from the least to the largest of a row, in float64."""
    weight, x = linear.weight.detach().double(), x.double()
    largest = weight.abs().amax(1, keepdim=True)
    if by_pairs:  # two neighbours are summed in 16 bits
        left, right = weight[:, 0::2], weight[:, 1::2]
        sums = torch.where(left * right > 0, (left + right).abs(), 0)
        largest = torch.maximum(largest, sums.amax(1, keepdim=True))
    weight_step = largest / 127
    low, high = x.amin(1, keepdim=True), x.amax(1, keepdim=True)
    x_step = (high - low) / 253
    product = (x / x_step).round() @ (weight / weight_step).round().T
    return product * x_step * weight_step.T + linear.bias.detach().double()


@pytest.fixture(params=["packed", "packed without VNNI", "plain"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """All ways to multiply; the plain one is for a torch that lacks the other."""
    if request.param == "packed without VNNI":
        monkeypatch.setattr(int8, "_has_vnni", lambda: False)
    if request.param == "plain":
        monkeypatch.setattr(int8, "_packed", lambda rounded, scale, bias: None)
    return str(request.param)


def test_a_rounded_map_computes_its_definition(kind: str) -> None:
    linear, x = some_linear(), some_rows(5)
    expected = by_definition(linear, x, by_pairs=kind != "plain" and not int8._has_vnni())
    with torch.inference_mode():
        got = Int8Linear(linear)(x).double()
    # A number just between two steps may be rounded either way: one step of a product.
    assert (got - expected).abs().amax() < 0.03 * expected.abs().amax()
    assert (got - expected).abs().median() < 1e-5 * expected.abs().amax()


def test_no_sum_of_two_products_is_too_large(kind: str) -> None:
    """Where every weight and every number that comes in is as large as any can be."""
    linear = nn.Linear(64, 3)
    signs = torch.where(torch.arange(64) % 16 < 8, 1.0, -1.0)
    in_turn = torch.tensor([1.0, -1.0]).repeat(32)
    for row in (signs.abs(), signs, signs.roll(8), in_turn, -in_turn, in_turn * signs):
        nn.init.zeros_(linear.bias)
        with torch.inference_mode():
            linear.weight.copy_(row.expand(3, 64))
            for x in (
                signs.expand(2, 64),
                signs.abs().index_fill(0, torch.tensor([5]), -1.0)[None],
            ):
                torch.testing.assert_close(Int8Linear(linear)(x), linear(x), rtol=0.02, atol=0.5)


def test_only_vnni_of_avx512_is_what_fbgemm_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Laptops without AVX-512 may have another, which it doesn't use: their sums are of 16 bits."""
    there = {"avx2": True, "avx_vnni": True, "avx512_4vnniw": True, "avx512_vnni": False}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: there)
    assert not int8._has_vnni()
    there["avx512_vnni"] = True
    assert int8._has_vnni()


def test_a_row_does_not_depend_on_the_rows_beside_it(kind: str) -> None:
    rounded, x = Int8Linear(some_linear()), some_rows(9)
    with torch.inference_mode():
        together = rounded(x)
        fewer = torch.cat([rounded(x[row : row + 2]) for row in range(0, 8, 2)])
        alone = torch.cat([rounded(x[row : row + 1]) for row in range(9)])
    assert torch.equal(together[:8], fewer)
    # A single row may have steps from its least number to its largest: finer, and others.
    atol = 0.02 * float(alone.abs().max())
    torch.testing.assert_close(together, alone, rtol=0, atol=atol)


@pytest.mark.parametrize("num_rows", [1, 4])
def test_a_decoder_takes_the_map_for_its_rows_without_detours(
    kind: str, num_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounded, x = Int8Linear(some_linear()), some_rows(num_rows)
    with torch.inference_mode():
        expected = rounded(x)
        detours = ["forward"]
        if num_rows == 1 and kind != "plain":
            detours.append("_multiply_rows")  # it rounds in six operations what FBGEMM does in one
        for detour in detours:
            monkeypatch.setattr(Int8Linear, detour, lambda *_: pytest.fail("a detour"))
        linear_map = of_one_row(rounded) if num_rows == 1 else of_few_rows(rounded)
        assert torch.equal(linear_map(x), expected)


def test_a_row_of_zeros_gives_the_bias(kind: str) -> None:
    linear = some_linear()
    with torch.inference_mode():
        assert torch.equal(Int8Linear(linear)(torch.zeros(2, 3, 48))[1, 2], linear.bias)
        assert torch.equal(Int8Linear(linear)(torch.zeros(1, 48))[0], linear.bias)


def test_a_rounded_model_says_nearly_the_same() -> None:
    config = ModelConfig(hidden_size=64, num_layers=2, num_heads=2, seq_length=32)
    model = build_model(config, vocab_size=300, generator=torch.Generator().manual_seed(0)).eval()
    idx = torch.arange(30).view(1, 30)
    with torch.inference_mode():
        before = model(idx)
        quantize(model)
        after = model(idx)
    assert is_quantized(model)
    assert 0 < (after - before).abs().mean() < 0.05 * before.abs().mean()


def test_text_read_one_by_one_costs_nearly_the_same() -> None:
    """As chat reads it, which rounds what comes in by other steps than many rows."""
    config = ModelConfig(hidden_size=64, num_layers=2, num_heads=2, seq_length=64)
    model = build_model(config, vocab_size=300, generator=torch.Generator().manual_seed(0)).eval()
    nn.init.normal_(model.lm_head.weight, std=0.3, generator=torch.Generator().manual_seed(1))
    idx = torch.randint(300, (64,), generator=torch.Generator().manual_seed(2))

    def nats() -> Tensor:
        engine = Engine(model)
        row = engine.admit()
        logits = [engine.prefill(row, idx[:1].tolist())]
        logits += [engine.decode([row], [id_]) for id_ in idx[1:-1].tolist()]
        return F.cross_entropy(torch.cat(logits), idx[1:])

    before = nats()
    quantize(model)
    assert 0 < (nats() / before - 1).abs() < 0.005


def test_int8_is_refused_where_there_is_no_cpu() -> None:
    config = ModelConfig(hidden_size=8, num_layers=1, num_heads=1, seq_length=8)
    model = build_model(config, vocab_size=300, generator=torch.Generator()).eval().to("meta")
    with pytest.raises(UsageError, match="int8 is for the CPU"):
        quantize(model)
