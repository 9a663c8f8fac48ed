"""The model, against torch's own Transformer and against itself.

B batch, T time, C hidden size, V vocabulary.
"""

import math
from functools import partial
from typing import Literal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.kernels.fast import KERNELS
from lumina_cli.core.model.kernels.interface import Kernels
from lumina_cli.core.model.transformer import Transformer, build_model

V = 40
SMALL = ModelConfig(hidden_size=32, num_layers=2, num_heads=4, seq_length=16)
ROTARY = SMALL.model_copy(update={"position_encoding": "rotary"})
BOTH = pytest.mark.parametrize("config", [SMALL, ROTARY], ids=["sinusoidal", "rotary"])


def fresh(config: ModelConfig, *, seed: int = 0, vocab_size: int = V) -> Transformer:
    """A model whose every weight is random, biases and norms included."""
    generator = torch.Generator().manual_seed(seed)
    model = build_model(config, vocab_size=vocab_size, generator=generator)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


def some_ids(*shape: int, seed: int = 1) -> Tensor:
    return torch.randint(V, shape, generator=torch.Generator().manual_seed(seed))


class Reference(nn.Module):
    """The same model made of torch's own parts, positions by the formula of the paper."""

    def __init__(self, model: Transformer) -> None:
        super().__init__()
        config = model.config
        layer = nn.TransformerEncoderLayer(
            config.hidden_size,
            config.num_heads,
            dim_feedforward=4 * config.hidden_size,
            dropout=0.0,
            activation=partial(F.gelu, approximate="tanh"),
            batch_first=True,
            norm_first=True,
        )
        norm = nn.LayerNorm(config.hidden_size)
        self.encoder = nn.TransformerEncoder(
            layer, config.num_layers, norm=norm, enable_nested_tensor=False
        )
        self.encoder.load_state_dict(renamed(model))
        self.wte = model.wte.weight
        self.lm_head = model.lm_head.weight
        self.eval()

    def forward(self, idx: Tensor) -> Tensor:
        T = idx.size(1)
        C = self.wte.shape[1]
        positions = torch.tensor([[position(t, c, C) for c in range(C)] for t in range(T)])
        x = self.wte[idx] * math.sqrt(C) + positions
        mask = nn.Transformer.generate_square_subsequent_mask(T)
        logits: Tensor = self.encoder(x, mask=mask, is_causal=True) @ self.lm_head.T
        return logits


def position(t: int, c: int, C: int) -> float:
    angle = t / 10_000 ** ((c - c % 2) / C)
    return math.cos(angle) if c % 2 else math.sin(angle)


def renamed(model: Transformer) -> dict[str, Tensor]:
    names = {
        "ln_1": "norm1",
        "ln_2": "norm2",
        "attn.c_attn.weight": "self_attn.in_proj_weight",
        "attn.c_attn.bias": "self_attn.in_proj_bias",
        "attn.c_proj": "self_attn.out_proj",
        "mlp.c_fc": "linear1",
        "mlp.c_proj": "linear2",
    }
    weights = {}
    for name, tensor in model.state_dict().items():
        if name.startswith("ln_f."):
            weights[name.replace("ln_f.", "norm.")] = tensor
        elif name.startswith("h."):
            _, layer, own = name.split(".", 2)
            for ours, theirs in names.items():
                own = own.replace(ours, theirs, 1) if own.startswith(ours) else own
            weights[f"layers.{layer}.{own}"] = tensor
    return weights


@pytest.mark.parametrize(
    ("hidden", "layers", "heads", "seq_length", "B", "T"),
    [(32, 2, 4, 16, 3, 16), (8, 1, 1, 8, 1, 1), (64, 3, 2, 32, 2, 20), (48, 4, 8, 24, 2, 24)],
)
def test_it_computes_what_torchs_own_encoder_does(
    hidden: int, layers: int, heads: int, seq_length: int, B: int, T: int
) -> None:
    config = ModelConfig(
        hidden_size=hidden, num_layers=layers, num_heads=heads, seq_length=seq_length
    )
    model = fresh(config)
    idx = some_ids(B, T)
    with torch.no_grad():
        torch.testing.assert_close(model(idx), Reference(model)(idx), rtol=1e-5, atol=1e-5)


@BOTH
@given(changed=st.integers(0, 15))
def test_a_later_id_changes_no_earlier_logits(config: ModelConfig, changed: int) -> None:
    model = fresh(config)
    idx = some_ids(1, 16)
    other = idx.clone()
    other[0, changed] = (idx[0, changed] + 1) % V
    with torch.no_grad():
        before, after = model(idx), model(other)
    assert torch.equal(before[0, :changed], after[0, :changed])
    assert not torch.equal(before[0, changed], after[0, changed])


def test_more_than_the_context_is_a_mistake() -> None:
    with pytest.raises(AssertionError):
        fresh(SMALL)(some_ids(1, 17))


def test_each_layer_begins_with_weights_of_its_own() -> None:
    generator = torch.Generator().manual_seed(0)
    model = build_model(
        ModelConfig(hidden_size=32, num_layers=4, num_heads=4), vocab_size=V, generator=generator
    )
    weights = model.state_dict()
    matrices = [name for name in weights if name.startswith("h.0.") and weights[name].dim() == 2]
    assert len(matrices) == 4
    for name in matrices:
        layers = [weights[name.replace("h.0.", f"h.{layer}.")] for layer in range(4)]
        assert len({tuple(layer.flatten().tolist()) for layer in layers}) == 4


def test_weights_follow_from_the_generator_alone() -> None:
    torch.manual_seed(1)
    first = build_model(SMALL, vocab_size=V, generator=torch.Generator().manual_seed(5))
    torch.manual_seed(2)
    second = build_model(SMALL, vocab_size=V, generator=torch.Generator().manual_seed(5))
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name]), name


@pytest.mark.parametrize("position_encoding", ["sinusoidal", "rotary"])
@pytest.mark.parametrize("hidden", [64, 256])
@pytest.mark.parametrize("vocab_size", [300, 2000])
def test_the_first_loss_is_that_of_a_blind_guess(
    hidden: int, vocab_size: int, position_encoding: Literal["sinusoidal", "rotary"]
) -> None:
    config = ModelConfig(
        hidden_size=hidden,
        num_layers=4,
        num_heads=4,
        seq_length=64,
        position_encoding=position_encoding,
    )
    generator = torch.Generator().manual_seed(0)
    model = build_model(config, vocab_size=vocab_size, generator=generator).eval()
    idx = torch.randint(vocab_size, (4, 65), generator=generator)
    with torch.no_grad():
        logits = model(idx[:, :-1])
    loss = F.cross_entropy(logits.flatten(0, 1), idx[:, 1:].flatten()).item()
    assert loss == pytest.approx(math.log(vocab_size), rel=0.03)


def test_biases_begin_at_zero_and_norms_at_one() -> None:
    generator = torch.Generator().manual_seed(0)
    for name, tensor in build_model(SMALL, vocab_size=V, generator=generator).named_parameters():
        if tensor.dim() == 1:
            is_norm = "ln_" in name and name.endswith("weight")
            assert torch.equal(tensor, torch.full_like(tensor, float(is_norm))), name


def test_parameters_are_named_as_in_gpt_2() -> None:
    config = ModelConfig(hidden_size=8, num_layers=1, num_heads=1)
    names = [name for name, _ in Transformer(config, vocab_size=V).named_parameters()]
    in_layer = ["ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj"]
    expected = [f"h.0.{part}.{kind}" for part in in_layer for kind in ("weight", "bias")]
    assert sorted(names) == sorted(
        ["wte.weight", "ln_f.weight", "ln_f.bias", "lm_head.weight", *expected]
    )
    assert sorted(Transformer(config, vocab_size=V).state_dict()) == sorted(names)


def test_the_order_of_what_was_read_matters() -> None:
    for config in (SMALL, ROTARY):
        model, idx = fresh(config), some_ids(1, 8)
        swapped = idx[:, [1, 0, *range(2, 8)]]
        with torch.no_grad():
            assert not torch.allclose(model(idx)[0, -1], model(swapped)[0, -1], atol=1e-3)


def test_dropout_acts_in_training_only() -> None:
    model = fresh(SMALL.model_copy(update={"dropout": 0.5}))
    idx = some_ids(1, 16)
    with torch.no_grad():
        assert torch.equal(model(idx), model(idx))
        model.train()
        assert not torch.equal(model(idx), model(idx))


@pytest.mark.parametrize(("rate", "is_training"), [(0.5, False), (0.0, True)])
@pytest.mark.parametrize("kernels", KERNELS.values(), ids=KERNELS)
def test_out_of_training_or_at_a_rate_of_zero_nothing_is_dropped(
    rate: float, is_training: bool, kernels: Kernels
) -> None:
    idx, plain = some_ids(2, 16), fresh(SMALL.model_copy(update={"dropout": 0.0}))
    model = fresh(SMALL.model_copy(update={"dropout": rate})).train(is_training)
    model.kernels = kernels
    with torch.no_grad():
        assert torch.equal(model(idx), plain(idx))
