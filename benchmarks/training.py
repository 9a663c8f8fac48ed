"""How fast lumina trains, beside what one would take otherwise, all of the same shape.

    python benchmarks/training.py [--shape laptop] [--rounds 5] [--nanogpt PATH] [--json FILE]

All learn the same batch with their own AdamW and dropout 0.1, each in a process of its own,
and take turns, step by step, so that a machine that speeds up or slows down meanwhile does
so for all; a ratio is the median over the rounds. lumina's process has the environment that
the command sets for itself, the others have torch's own. torch's encoder and nanoGPT (from a
folder that you name) drop attention probabilities as well, as they do; lumina drops
embeddings and what each half of a layer adds. All compute in bf16 where the machine does
natively; nanoGPT's own train.py does so on a GPU only, so on a CPU it is measured both ways.
On a GPU lumina and nanoGPT are compiled.
The ceiling is a large product of matrices in lumina's number format, which takes its turn in each
round; the share of it is that of the time that the products of a step alone would take.
"""

import argparse
import contextlib
import os
import statistics
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring import (
    Apart,
    describe,
    machine,
    nanogpt_folder,
    nanogpt_model,
    speed_ratio,
    take_turns,
    write_json,
)
from torch import Tensor, nn
from torch.nn import functional as F

from lumina_cli.cli.app import SHORT_WAITS
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.memory_estimate import num_parameters
from lumina_cli.core.model.transformer import build_model
from lumina_cli.core.precision import Precision, choose_precision
from lumina_cli.core.seeding import make_generator
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.optim.optimizers import build_optimizers
from lumina_cli.core.training.parallel.threads import windows_at_once
from lumina_cli.core.training.step.compiled import Compiled
from lumina_cli.core.training.step.stepper import Stepper
from lumina_cli.data.batches import Batch
from lumina_cli.io.process_memory import keep_freed_memory

VOCAB_SIZE = 362
SHAPES = {
    "demo": (ModelConfig(hidden_size=64, num_layers=4, num_heads=2, seq_length=128), 16),
    "laptop": (ModelConfig(hidden_size=192, num_layers=4, num_heads=6, seq_length=128), 32),
    "seed": (ModelConfig(), 16),
}
"""Model and batch size by name; on a GPU batches are four times as large."""

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
PRECISION = choose_precision("auto", device=DEVICE)
OURS, ENCODER, NANOGPT = "lumina", "torch's TransformerEncoder", "nanoGPT"
NANOGPT_FP32 = "nanoGPT in fp32, as its train.py"
CEILING = "products of matrices"
LARGE, NUM_LARGE = (8_192 if DEVICE.type == "cuda" else 2_048), 8
"""Rows and columns of the products that show what the machine can do, and how many are a turn."""

Step = Callable[[], object]


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


def encoder_step(config: ModelConfig, batch: Batch) -> Step:
    """Return a training step of torch's encoder with AdamW."""
    model = Encoder(config).train().to(DEVICE)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

    def loss(inputs: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), label_smoothing=0.1)

    return peer_step(model, optimizer, loss, batch)


def nanogpt_step(
    path: Path, config: ModelConfig, batch: Batch, *, precision: Precision = PRECISION
) -> Step:
    """Return a training step of nanoGPT with the AdamW that it configures."""
    with contextlib.redirect_stdout(None):
        model = nanogpt_model(path, config, vocab_size=VOCAB_SIZE, dropout=config.dropout)
        model = model.train().to(DEVICE)
        optimizer = model.configure_optimizers(0.1, 1e-4, (0.9, 0.95), DEVICE.type)
    computed = torch.compile(model) if DEVICE.type == "cuda" else model
    return peer_step(model, optimizer, lambda x, y: computed(x, y)[1], batch, precision=precision)


def peer_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss_of: Callable[[Tensor, Tensor], Tensor],
    batch: Batch,
    *,
    precision: Precision = PRECISION,
) -> Step:
    """Return a step as one writes it: forward, backward, clip, apply."""
    inputs = torch.from_numpy(batch.inputs).to(DEVICE)
    targets = torch.from_numpy(batch.targets).to(DEVICE)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with precision.autocast():
            loss = loss_of(inputs, targets)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        wait()

    return step


def lumina_step(config: ModelConfig, batch: Batch) -> Step:
    """Return a training step of ours, at the seed's settings."""
    model = build_model(config, vocab_size=VOCAB_SIZE, generator=make_generator(0, "weights"))
    training, most = TrainingConfig(), len(batch.inputs)
    stepper = Stepper(
        model.train().to(DEVICE),
        build_optimizers(model, config=training),
        precision=PRECISION,
        grad_clip=training.grad_clip,
        label_smoothing=training.label_smoothing,
        micro_batch_size=min(most, windows_at_once(DEVICE, seq_length=config.seq_length) or most),
    )
    if DEVICE.type == "cuda":
        stepper.compiled = Compiled(model)

    def step() -> None:
        stepper.step(batch, lr_factor=0.3)
        wait()

    return step


def wait() -> None:
    """Wait for what the GPU still has to do."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def large_products() -> Step:
    """Return a turn of large products of matrices."""
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(PRECISION.name, torch.float32)
    x, y = (torch.randn(LARGE, LARGE, device=DEVICE).to(dtype) for _ in range(2))

    def multiply() -> None:
        for _ in range(NUM_LARGE):
            x @ y
        wait()

    return multiply


def operations_of_a_character(config: ModelConfig) -> float:
    """Return what a step multiplies and adds for each position, forward and backward.

    6 for each weight that is multiplied with, and for the scores and the sums of attention
    12·L·C·T as in PaLM (Chowdhery et al. 2022, appendix B), halved: each sees what is before it.
    """
    looked_up = VOCAB_SIZE * config.hidden_size  # embedding a character multiplies nothing
    multiplied = num_parameters(config, vocab_size=VOCAB_SIZE) - looked_up
    return 6 * multiplied + 6 * config.num_layers * config.hidden_size * config.seq_length


def apart(make: Callable[[], Step], *, environment: dict[str, str] | None = None) -> Apart:
    """Return a step that is done in a process of its own."""
    return Apart(partial(made, make), environment=environment)


def made(make: Callable[[], Step]) -> Step:
    """Make a step in a process that keeps freed memory, as the command does; here for all."""
    keep_freed_memory()
    return make()


def ours_environment() -> dict[str, str]:
    """Return the variable that the command sets, unless the user has."""
    name, value = SHORT_WAITS
    return {} if {name, "OMP_WAIT_POLICY"} & os.environ.keys() else {name: value}


def compare(name: str, *, num_rounds: int, nanogpt: Path | None) -> list[dict[str, Any]]:
    """Return a line for each that was measured: characters a second, and the ratio to it."""
    config, batch_size = SHAPES[name]
    batch_size *= 4 if DEVICE.type == "cuda" else 1
    rng = np.random.default_rng(0)
    ids = rng.integers(6, VOCAB_SIZE, (batch_size, config.seq_length + 1))
    batch = Batch(ids[:, :-1].copy(), ids[:, 1:].copy(), np.ones(ids[:, 1:].shape, np.bool_))
    steps = {
        CEILING: apart(large_products),
        OURS: apart(partial(lumina_step, config, batch), environment=ours_environment()),
        ENCODER: apart(partial(encoder_step, config, batch)),
    }
    if nanogpt is not None:
        steps[NANOGPT] = apart(partial(nanogpt_step, nanogpt, config, batch))
        if DEVICE.type == "cpu" and PRECISION.name != "fp32":
            fp32 = choose_precision("fp32", device=DEVICE)
            in_fp32 = partial(nanogpt_step, nanogpt, config, batch, precision=fp32)
            steps[NANOGPT_FP32] = apart(in_fp32)
    try:
        seconds = take_turns(steps, num_rounds=num_rounds)
    finally:
        for step in steps.values():
            step.end()
    ceiling_s, ours = seconds.pop(CEILING), seconds[OURS]
    operations = operations_of_a_character(config) * batch.inputs.size
    num_multiplied = 2.0 * NUM_LARGE * LARGE**3
    return [
        {
            "shape": name,
            "which": which,
            "chars_per_s": batch.inputs.size / statistics.median(taken),
            "lumina_is_faster": speed_ratio(ours, base=taken)._asdict(),
            "lumina_is_faster_text": str(speed_ratio(ours, base=taken)),
            "share_of_ceiling": speed_ratio(taken, base=ceiling_s).median
            * operations
            / num_multiplied,
            "ceiling_flops": num_multiplied / statistics.median(ceiling_s),
        }
        for which, taken in seconds.items()
    ]


def main() -> None:
    """Print Markdown tables, and write the figures where --json asks for it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, action="append")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--nanogpt", type=nanogpt_folder, help="a folder with nanoGPT's model.py")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    facts = machine()
    print(f"{describe(facts)}\n")
    print(f"Computed in {PRECISION.name}.\n")
    print("| shape | | characters/s | lumina is faster (of the rounds) | of the ceiling, GFLOP/s |")
    print("|---|---|---|---|---|")
    lines = []
    for name in options.shape or SHAPES:
        for line in compare(name, num_rounds=options.rounds, nanogpt=options.nanogpt):
            lines.append(line)
            faster = "" if line["which"] == OURS else line["lumina_is_faster_text"]
            print(
                f"| {name} | {line['which']} | {line['chars_per_s']:,.0f} | {faster} | "
                f"{line['share_of_ceiling']:.0%} of {line['ceiling_flops'] / 1e9:,.0f} |",
                flush=True,
            )
    if options.json:
        write_json(options.json, {"machine": facts, "training": lines})


if __name__ == "__main__":
    main()
