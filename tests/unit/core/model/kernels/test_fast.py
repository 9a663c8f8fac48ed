"""The whole model computes the same with fast kernels and with plain ones.

B batch, T time, V vocabulary.
"""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from lumina_cli.core.inference.engine import Engine
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.kernels.fast import FAST, KERNELS
from lumina_cli.core.model.kernels.interface import REFERENCE, Kernels
from lumina_cli.core.model.transformer import Transformer, build_model, to_bf16

SINUSOIDAL = ModelConfig(hidden_size=32, num_layers=3, num_heads=4, seq_length=150, dropout=0.0)
ROTARY = SINUSOIDAL.model_copy(update={"positions": "rotary"})
BOTH = pytest.mark.parametrize("config", [SINUSOIDAL, ROTARY], ids=["sinusoidal", "rotary"])
V = 40


def twins(config: ModelConfig, *, is_bf16: bool = False) -> tuple[Transformer, Transformer]:
    """The same model twice, with fast kernels and with plain ones; every weight is random."""
    generator = torch.Generator().manual_seed(0)
    model = build_model(config, vocab_size=V, generator=generator)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    if is_bf16:
        to_bf16(model)
    plain = copy.deepcopy(model)
    model.kernels, plain.kernels = FAST, REFERENCE
    return model, plain


def some_ids(*shape: int) -> Tensor:
    return torch.randint(V, shape, generator=torch.Generator().manual_seed(1))


def gradients(model: Transformer, *, is_autocast: bool) -> dict[str, Tensor]:
    idx = some_ids(2, 151)
    model.train()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=is_autocast):
        logits = model(idx[:, :-1])
    F.cross_entropy(logits.float().flatten(0, 1), idx[:, 1:].flatten()).backward()
    found = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert len(found) == len(list(model.parameters()))
    return found


def test_a_model_uses_fast_kernels_unless_told_otherwise() -> None:
    assert Transformer(SINUSOIDAL, vocab_size=V).kernels is FAST
    assert KERNELS == {"fast": FAST, "reference": REFERENCE}
    assert [kernels.is_fast for kernels in KERNELS.values()] == [True, False]


@BOTH
@pytest.mark.parametrize(("is_autocast", "most_off"), [(False, 1e-5), (True, 0.03)])
@pytest.mark.parametrize("recompute", [False, True])
def test_a_training_step_has_the_same_gradients(
    config: ModelConfig, is_autocast: bool, most_off: float, recompute: bool
) -> None:
    """Also with activations computed again; 150 positions are more than one chunk of queries."""
    fast, plain = twins(config)
    fast.activation_checkpointing = plain.activation_checkpointing = recompute
    found, expected = (gradients(model, is_autocast=is_autocast) for model in (fast, plain))
    for name, grad in found.items():
        off = (grad - expected[name]).norm() / expected[name].norm().clamp_min(1e-6)
        assert off < most_off, name


def test_under_autocast_the_fast_attention_is_another() -> None:
    """Otherwise the test above would show nothing."""
    fast, plain = twins(SINUSOIDAL)
    found, expected = (gradients(model, is_autocast=True) for model in (fast, plain))
    assert any(not torch.equal(grad, expected[name]) for name, grad in found.items())


Reading = Callable[[Engine], list[Tensor]]


def prefill(engine: Engine) -> list[Tensor]:
    return [engine.prefill(engine.admit(), some_ids(140).tolist())]


def decode(engine: Engine) -> list[Tensor]:
    row = engine.admit()
    engine.prefill(row, some_ids(140).tolist())
    return [engine.decode([row], [id_]) for id_ in some_ids(20).tolist()]  # it slides, too


def ragged_decode(engine: Engine) -> list[Tensor]:
    rows = [engine.admit() for _ in range(4)]
    for length, row in zip((1, 40, 149, 7), rows, strict=True):
        engine.prefill(row, some_ids(length).tolist())
    return [engine.decode(rows, ids) for ids in some_ids(6, 4).tolist()]


def ragged_prefill(engine: Engine) -> list[Tensor]:
    rows = [engine.admit() for _ in range(3)]
    first = [(row, some_ids(n).tolist()) for row, n in zip(rows, (1, 80, 33), strict=True)]
    then = [(row, some_ids(n).tolist()) for row, n in zip(rows, (20, 70, 1), strict=True)]
    return [engine.forward(first), engine.forward(then)]


def verify(engine: Engine) -> list[Tensor]:
    row = engine.admit()
    engine.prefill(row, some_ids(9).tolist())
    return [engine.verify(row, some_ids(8).tolist())]


@BOTH
@pytest.mark.parametrize("reading", [prefill, decode, ragged_decode, ragged_prefill, verify])
@pytest.mark.parametrize(("is_bf16", "most_off"), [(False, 1e-4), (True, 0.05)])
def test_reading_gives_the_same_logits(
    config: ModelConfig, reading: Reading, is_bf16: bool, most_off: float
) -> None:
    found, expected = (reading(Engine(model.eval())) for model in twins(config, is_bf16=is_bf16))
    for mine, theirs in zip(found, expected, strict=True):
        atol = most_off * theirs.std().item()
        torch.testing.assert_close(mine, theirs, rtol=most_off, atol=atol)


@pytest.mark.parametrize("kernels", KERNELS.values(), ids=KERNELS)
def test_dropout_of_either_kind_drops_its_share(kernels: Kernels) -> None:
    torch.manual_seed(0)
    x, y = torch.zeros(100_000), torch.ones(100_000)
    for dropped in (kernels.dropout(y, rate=0.3), kernels.residual_dropout(x, y, rate=0.3)):
        assert (dropped == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
        assert dropped.max().item() == pytest.approx(1 / 0.7, rel=1e-3)


def test_hooks_on_named_modules_see_what_a_plain_model_reads_behind_a_cache() -> None:
    _, plain = twins(ROTARY)
    engine = Engine(plain.eval(), num_rows=2)
    rows = [engine.admit(), engine.admit()]
    seen: dict[str, tuple[int, ...]] = {}

    def watch(name: str) -> None:
        def hook(_module: object, _inputs: object, output: Tensor) -> None:
            seen[name] = tuple(output.shape)

        plain.get_submodule(name).register_forward_hook(hook)

    parts = ["attn", "attn.c_attn", "attn.c_proj", "mlp", "mlp.c_fc", "mlp.c_proj", "ln_1", "ln_2"]
    blocks = ["h.0", "h.1", "h.2"]
    names = ["wte", "ln_f", *blocks, *(f"{block}.{part}" for block in blocks for part in parts)]
    for name in names:
        watch(name)
    for work, B, T in [
        ([(rows[0], [1, 2, 3])], 1, 3),
        ([(rows[0], [4]), (rows[1], [5, 6])], 2, 2),
        ([(rows[0], [7]), (rows[1], [8])], 2, 1),
    ]:
        seen.clear()
        engine.forward(work)
        widths = {"c_attn": 96, "c_fc": 128}
        assert seen == {name: (B, T, widths.get(name.split(".")[-1], 32)) for name in names}


@BOTH
@torch.inference_mode()
def test_a_fast_model_may_be_called_with_a_cache_itself(config: ModelConfig) -> None:
    """As many rows as heads, so that one can't be taken for the other unseen."""
    fast, plain = (model.eval() for model in twins(config))
    lengths, idx, found = [3, 9, 1, 20], some_ids(4, 1), []
    for model in (fast, plain):
        engine = Engine(model, num_rows=4)
        for length in lengths:
            engine.prefill(engine.admit(), some_ids(length).tolist())
        found.append(model(idx, cache=engine.backend.cache.window(slice(0, 4), lengths, [1] * 4)))
    texts = [torch.cat([some_ids(n), new]) for n, new in zip(lengths, idx, strict=True)]
    expected = torch.cat([plain(text.unsqueeze(0))[:, -1:] for text in texts])
    for logits in found:
        torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)
