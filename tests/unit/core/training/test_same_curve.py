"""500 steps as they are made fast, by two workers, against the plain way in torch's parts.

Positions, attention, loss, dropout, clipping and AdamW; a third of the ids doesn't count.
Muon's steps are compared with torch's in `test_muon.py`.
"""

import math
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.core.precision import PrecisionName, choose_precision
from lumina_cli.core.seeding import seed_dropout
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.optim.optimizers import build_optimizers
from lumina_cli.core.training.step.stepper import Stepper
from lumina_cli.data.batches import Batch, EpochBatches
from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.data.starter import corpus as starter
from tests.unit.core.training.conftest import encoded

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("two_threads")]

Positions = Literal["sinusoidal", "rotary"]
POSITIONS: tuple[Positions, ...] = ("sinusoidal", "rotary")
Curve = npt.NDArray[np.float64]
NUM_STEPS, WINDOW, SMOOTHING = 500, 50, 0.1
CONFIG = TrainingConfig(learning_rate=2e-3, label_smoothing=SMOOTHING, weight_decay=0.1)


def shape(position_encoding: Positions, *, dropout: float) -> ModelConfig:
    return ModelConfig(
        hidden_size=48,
        num_layers=2,
        num_heads=2,
        seq_length=64,
        position_encoding=position_encoding,
        dropout=dropout,
    )


@pytest.fixture(scope="module")
def text() -> tuple[TokenDataset, int]:
    """The starter corpus as ids, and how many different ones there are."""
    said = "\n".join(turn.text for talk in starter.conversations() for turn in talk.messages)
    number = {character: id_ for id_, character in enumerate(sorted(set(said[:300_000])))}
    ids = [number[character] for character in said[:300_000]]
    counts = np.random.default_rng(0).random(len(ids)) < 2 / 3
    return encoded(ids, counts.tolist()), len(number)


@pytest.fixture(scope="module")
def plain_curves(text: tuple[TokenDataset, int]) -> dict[Positions, list[Curve]]:
    """Three runs for each kind of positions, which differ by dropout alone."""
    return {
        position_encoding: [
            plain_curve(*text, config=shape(position_encoding, dropout=0.1), seed=seed)
            for seed in range(3)
        ]
        for position_encoding in POSITIONS
    }


def rotated(x: Tensor) -> Tensor:
    """Turn (B, H, T, D) by real sines and cosines, pair by pair."""
    T, D = x.shape[-2:]
    frequency = torch.exp(torch.arange(0, D, 2) * (-math.log(10_000.0) / D))
    angle = torch.arange(T).unsqueeze(1) * frequency  # (T, D / 2)
    even, odd = x[..., 0::2], x[..., 1::2]
    parts = (even * angle.cos() - odd * angle.sin(), even * angle.sin() + odd * angle.cos())
    return torch.stack(parts, dim=-1).flatten(-2)


def plain_logits(model: Transformer, idx: Tensor, *, rate: float) -> Tensor:
    """The model written out with its weights, attention and dropout as in the papers."""
    config, weights = model.config, dict(model.named_parameters())
    B, T = idx.shape
    C, H, D = config.hidden_size, config.num_heads, config.head_size

    def linear(x: Tensor, name: str) -> Tensor:
        return F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def norm(x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, (C,), weights[f"{name}.weight"], weights[f"{name}.bias"])

    x = F.embedding(idx, weights["wte.weight"]) * math.sqrt(C)
    if config.position_encoding == "sinusoidal":
        x = x + model.positions[:T]
    x = F.dropout(x, rate)
    never = torch.full((T, T), -torch.inf).triu(1)
    for layer in range(config.num_layers):
        name = f"h.{layer}"
        qkv = linear(norm(x, f"{name}.ln_1"), f"{name}.attn.c_attn")
        q, k, v = (part.view(B, T, H, D).transpose(1, 2) for part in qkv.split(C, dim=-1))
        if config.position_encoding == "rotary":
            q, k = rotated(q), rotated(k)
        attention = F.softmax(q @ k.mT / math.sqrt(D) + never, dim=-1)
        y = (attention @ v).transpose(1, 2).reshape(B, T, C)
        x = x + F.dropout(linear(y, f"{name}.attn.c_proj"), rate)
        y = F.gelu(linear(norm(x, f"{name}.ln_2"), f"{name}.mlp.c_fc"), approximate="tanh")
        x = x + F.dropout(linear(y, f"{name}.mlp.c_proj"), rate)
    return F.linear(norm(x, "ln_f"), weights["lm_head.weight"])


def batches(text: TokenDataset) -> list[Batch]:
    epoch = EpochBatches(text, seq_length=64, batch_size=8, seed=0, epoch=0)
    assert len(epoch) >= NUM_STEPS
    return [epoch[index] for index in range(NUM_STEPS)]


def fresh(config: ModelConfig, vocab_size: int) -> Transformer:
    generator = torch.Generator().manual_seed(0)
    return build_model(config, vocab_size=vocab_size, generator=generator).train()


def plain_curve(text: TokenDataset, vocab_size: int, *, config: ModelConfig, seed: int) -> Curve:
    model = fresh(config, vocab_size)
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices}, {"params": others, "weight_decay": 0.0}],
        lr=CONFIG.learning_rate,
        betas=(CONFIG.beta1, CONFIG.beta2),
        weight_decay=CONFIG.weight_decay,
    )
    torch.manual_seed(seed)
    losses = []
    for batch in batches(text):
        chosen = torch.from_numpy(batch.in_loss)
        targets = torch.from_numpy(batch.targets)[chosen]
        inputs = torch.from_numpy(batch.inputs)
        logits = plain_logits(model, inputs, rate=config.dropout)[chosen]
        optimizer.zero_grad()
        loss = nn.CrossEntropyLoss(label_smoothing=SMOOTHING)(logits, targets)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), CONFIG.grad_clip)
        optimizer.step()
        losses.append(F.cross_entropy(logits.detach(), targets).item())
    return np.array(losses)


def fast_curve(
    text: TokenDataset, vocab_size: int, *, config: ModelConfig, precision: PrecisionName
) -> Curve:
    model = fresh(config, vocab_size)
    stepper = Stepper(
        model,
        build_optimizers(model, config=CONFIG),
        precision=choose_precision(precision, device=torch.device("cpu")),
        grad_clip=CONFIG.grad_clip,
        label_smoothing=SMOOTHING,
        micro_batch_size=8,
    )
    assert stepper.workers is not None
    seed_dropout(0)
    return np.array([stepper.step(batch, lr_factor=1.0).loss for batch in batches(text)])


def distance(one: Curve, other: Curve) -> float:
    """Return how far apart two curves are, in nats, means of 50 steps compared."""
    means = (np.convolve(each, np.ones(WINDOW) / WINDOW, mode="valid") for each in (one, other))
    return float(np.abs(np.subtract(*means)).mean())


@pytest.mark.parametrize("position_encoding", POSITIONS)
def test_without_chance_the_curves_are_one(
    text: tuple[TokenDataset, int], position_encoding: Positions
) -> None:
    config = shape(position_encoding, dropout=0.0)
    fast = fast_curve(*text, config=config, precision="fp32")
    plain = plain_curve(*text, config=config, seed=0)
    assert fast[0] - fast[-1] > 1.0  # it learns something
    assert np.abs(fast - plain)[:50].max() < 1e-3  # beyond, rounding grows
    assert distance(fast, plain) < 0.002


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("position_encoding", POSITIONS)
def test_the_fast_way_learns_as_the_plain_one_within_the_noise_of_dropout(
    text: tuple[TokenDataset, int],
    plain_curves: dict[Positions, list[Curve]],
    position_encoding: Positions,
    precision: PrecisionName,
) -> None:
    config = shape(position_encoding, dropout=0.1)
    fast = fast_curve(*text, config=config, precision=precision)
    plain = plain_curves[position_encoding]
    noise = [distance(plain[0], plain[1]), distance(plain[0], plain[2])]
    noise.append(distance(plain[1], plain[2]))
    found = [distance(fast, each) for each in plain]
    print(f"apart: {np.mean(found):.4f} nats; plain runs among themselves: {np.mean(noise):.4f}")
    assert np.mean(found) < 1.2 * max(noise)
