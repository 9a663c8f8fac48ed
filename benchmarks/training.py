"""How fast lumina trains, beside torch's own encoder doing the same.

    python benchmarks/training.py [--shape laptop] [--steps 5]

Both take turns in one process, step by step, so that a machine that speeds up or slows down
meanwhile does so for both; the ratio of the medians is the figure to quote.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import build_model
from lumina_cli.core.precision import choose_precision
from lumina_cli.core.seeding import make_generator
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.optim import build_optimizers
from lumina_cli.core.training.step import Stepper
from lumina_cli.data.batches import Batch

VOCAB_SIZE = 362
SHAPES = {
    "demo": (ModelConfig(hidden_size=64, num_layers=4, num_heads=2, seq_length=128), 16),
    "laptop": (ModelConfig(hidden_size=192, num_layers=4, num_heads=6, seq_length=128), 32),
    "seed": (ModelConfig(), 16),
}
"""Model and batch size by name; dropout is 0.1 in all."""


class Encoder(nn.Module):
    """The same shape from torch's own parts, with its causal mask."""

    mask: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(
            config.hidden_size,
            config.num_heads,
            config.feedforward_size,
            dropout=config.dropout,
            activation=nn.GELU(approximate="tanh"),
            batch_first=True,
            norm_first=True,
        )
        self.embedding = nn.Embedding(VOCAB_SIZE, config.hidden_size)
        self.encoder = nn.TransformerEncoder(
            layer, config.num_layers, nn.LayerNorm(config.hidden_size), enable_nested_tensor=False
        )
        self.head = nn.Linear(config.hidden_size, VOCAB_SIZE, bias=False)
        mask = nn.Transformer.generate_square_subsequent_mask(config.seq_length)
        self.register_buffer("mask", mask)

    def forward(self, idx: Tensor) -> Tensor:
        logits: Tensor = self.head(self.encoder(self.embedding(idx), self.mask, is_causal=True))
        return logits


def torch_step(config: ModelConfig, batch: Batch) -> Callable[[], object]:
    """Return a training step of torch's encoder with AdamW."""
    model = Encoder(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    inputs, targets = torch.from_numpy(batch.inputs), torch.from_numpy(batch.targets)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), label_smoothing=0.1)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def lumina_step(config: ModelConfig, batch: Batch) -> Callable[[], object]:
    """Return a training step of ours, at the seed's settings."""
    model = build_model(config, vocab_size=VOCAB_SIZE, generator=make_generator(0, "weights"))
    training = TrainingConfig()
    stepper = Stepper(
        model.train(),
        build_optimizers(model, config=training),
        precision=choose_precision("auto", device=torch.device("cpu")),
        grad_clip=training.grad_clip,
        label_smoothing=training.label_smoothing,
        micro_batch_size=len(batch.inputs),
    )
    return lambda: stepper.step(batch, lr_factor=0.3)


def compare(config: ModelConfig, *, batch_size: int, num_steps: int) -> tuple[float, float]:
    """Return characters per second of ours and of torch's encoder, by median step."""
    rng = np.random.default_rng(0)
    ids = rng.integers(6, VOCAB_SIZE, (batch_size, config.seq_length + 1))
    batch = Batch(ids[:, :-1].copy(), ids[:, 1:].copy(), np.ones(ids[:, 1:].shape, np.bool_))
    steps = [lumina_step(config, batch), torch_step(config, batch)]
    seconds: list[list[float]] = [[], []]
    for number in range(num_steps + 1):
        for step, taken in zip(steps, seconds, strict=True):
            started_s = time.perf_counter()
            step()
            if number:  # the first one warms up
                taken.append(time.perf_counter() - started_s)
    ours, theirs = (batch.inputs.size / statistics.median(taken) for taken in seconds)
    return ours, theirs


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, action="append")
    parser.add_argument("--steps", type=int, default=5)
    arguments = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads\n")
    print("| shape | lumina, characters/s | TransformerEncoder, characters/s | ratio |")
    print("|---|---|---|---|")
    for name in arguments.shape or SHAPES:
        config, batch_size = SHAPES[name]
        ours, theirs = compare(config, batch_size=batch_size, num_steps=arguments.steps)
        print(f"| {name} | {ours:,.0f} | {theirs:,.0f} | {ours / theirs:.2f} |", flush=True)


if __name__ == "__main__":
    main()
