"""A race for quality: how soon lumina is as good as nanoGPT's own recipe.

    python benchmarks/race.py --nanogpt PATH --text tinyshakespeare.txt [--minutes 3]

nanoGPT (a checkout of it at PATH) learns the first nine tenths of the text by the settings
its README gives for a CPU, or where there is a GPU by those for one, compiled and in bf16.
Then `lumina train --minutes` gets a sixth of the time that took, a third on a GPU, everything
included, and once more the minutes asked for; on the same device, and without settings from
outside. Both are measured on the last tenth, whole, in nats a character. Of nanoGPT's models the
best counts, of those every 250 iterations; measuring them takes none of its time. lumina chooses
which of its models to keep by a part of that tenth, as it does for everyone, in its time.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from measuring import describe, load_nanogpt, machine, nanogpt_folder, write_json

PEAK, FLOOR, WARMUP = 1e-3, 1e-4, 100
EVALUATE_EVERY = 250


@dataclass(frozen=True)
class Recipe:
    """What nanoGPT learns with, and the share of its time that lumina gets."""

    layers: int
    heads: int
    width: int
    context: int
    batch: int
    iterations: int
    dropout: float
    share: float


RECIPES = {
    "cpu": Recipe(4, 4, 128, 64, batch=12, iterations=2_000, dropout=0.0, share=1 / 6),
    "cuda": Recipe(6, 6, 384, 256, batch=64, iterations=5_000, dropout=0.2, share=1 / 3),
}
"""By device; the second is its config/train_shakespeare_char.py."""


def encode(text: str) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Return the ids of both parts of a text, and how many characters there are."""
    characters = sorted(set(text))
    number = {character: index for index, character in enumerate(characters)}
    ids = torch.tensor([number[character] for character in text])
    cut = len(ids) * 9 // 10
    return ids[:cut], ids[cut:], len(characters)


def learning_rate(iteration: int, *, iterations: int) -> float:
    """Return nanoGPT's schedule: a linear warm-up, then a cosine."""
    if iteration < WARMUP:
        return PEAK * (iteration + 1) / (WARMUP + 1)
    along = (iteration - WARMUP) / (iterations - WARMUP)
    return FLOOR + 0.5 * (1 + math.cos(math.pi * along)) * (PEAK - FLOOR)


def race_nanogpt(path: Path, text: str, *, recipe: Recipe, device: str) -> tuple[float, float]:
    """Return the seconds nanoGPT trains for, and the loss of its best model in nats a character."""
    nanogpt = load_nanogpt(path)
    train, validation, vocab_size = encode(text)
    torch.manual_seed(1337)
    config = nanogpt.GPTConfig(
        block_size=recipe.context,
        vocab_size=vocab_size,
        n_layer=recipe.layers,
        n_head=recipe.heads,
        n_embd=recipe.width,
        dropout=recipe.dropout,
        bias=False,
    )
    model = nanogpt.GPT(config).to(device)
    optimizer = model.configure_optimizers(0.1, PEAK, (0.9, 0.99), device)
    compute = torch.compile(model) if device == "cuda" else model
    seconds, best = 0.0, float("inf")
    for first in range(0, recipe.iterations, EVALUATE_EVERY):
        model.train()
        started_s = time.perf_counter()
        for iteration in range(first, min(first + EVALUATE_EVERY, recipe.iterations)):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(iteration, iterations=recipe.iterations)
            starts = torch.randint(len(train) - recipe.context, (recipe.batch,)).tolist()
            x = torch.stack([train[start : start + recipe.context] for start in starts])
            y = torch.stack([train[start + 1 : start + 1 + recipe.context] for start in starts])
            with in_bf16(device):
                _, loss = compute(x.to(device), y.to(device))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        if device == "cuda":
            torch.cuda.synchronize()
        seconds += time.perf_counter() - started_s
        nats = nats_of(model.eval(), validation, context=recipe.context, device=device)
        best = min(best, nats)
    return seconds, best


def in_bf16(device: str) -> torch.autocast:
    """Return what nanoGPT's train.py computes in: bf16 on a GPU, fp32 on a CPU."""
    return torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda")


@torch.no_grad()
def nats_of(model: Any, ids: torch.Tensor, *, context: int, device: str) -> float:
    """Return the mean loss over windows that don't overlap."""
    windows = (len(ids) - 1) // context
    x = ids[: windows * context].view(windows, context).to(device)
    y = ids[1 : windows * context + 1].view(windows, context).to(device)
    total = 0.0
    for i in range(0, windows, 128):
        with in_bf16(device):
            total += model(x[i : i + 128], y[i : i + 128])[1].item() * len(x[i : i + 128])
    return total / windows


def race_lumina(text: Path, *, seconds: float, device: str) -> tuple[float, float]:
    """Return the seconds the command takes in all, and its loss in nats a character."""
    with tempfile.TemporaryDirectory() as folder:
        lumina = partial(run_lumina, folder=folder, device=device)
        minutes = ["--minutes", str(seconds / 60), "--out", "Model.pth"]
        started_s = time.perf_counter()
        done = lumina("train", "--data", str(text.resolve()), "--quiet", *minutes)
        taken_s = time.perf_counter() - started_s
        held_out = Path(folder) / "held-out.txt"
        whole = text.read_text(encoding="utf-8")
        held_out.write_text(whole[len(whole) * 9 // 10 :], encoding="utf-8")
        scored = lumina("eval", "--model", "Model.pth", "--data", "held-out.txt")
        print(done, file=sys.stderr)
    return taken_s, float(json.loads(scored)["nats_per_char"])


def run_lumina(*arguments: str, folder: str, device: str) -> str:
    """Run the command with its own settings; return its JSON."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LUMINA_")}
    command = [sys.executable, "-m", "lumina_cli", *arguments, "--device", device, "--json"]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=folder, env=environ
    )
    return done.stdout.strip().splitlines()[-1]


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--nanogpt", type=nanogpt_folder, required=True, help="a checkout of nanoGPT"
    )
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--iterations", type=int, help="nanoGPT's, fewer to try the script")
    parser.add_argument("--peer", type=float, nargs=2, help="its seconds and nats, from before")
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    whole = arguments.text.read_text(encoding="utf-8")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    recipe = RECIPES[device]
    recipe = replace(recipe, iterations=arguments.iterations or recipe.iterations)
    peer_s, peer_nats = arguments.peer or race_nanogpt(
        arguments.nanogpt, whole, recipe=recipe, device=device
    )
    facts = machine()
    lines = [{"which": "nanoGPT", "seconds": peer_s, "nats_per_char": peer_nats}]
    print(f"{describe(facts)}\n")
    print("| | seconds, in all | nats a character, last tenth |")
    print("|---|---|---|")
    print(f"| nanoGPT, its training alone | {peer_s:.0f} | {peer_nats:.3f} |", flush=True)
    for seconds in (peer_s * recipe.share, arguments.minutes * 60):
        taken_s, nats = race_lumina(arguments.text, seconds=seconds, device=device)
        lines.append({"which": "lumina", "seconds": taken_s, "nats_per_char": nats})
        print(
            f"| lumina, `--minutes {seconds / 60:.2g}` | {taken_s:.0f} | {nats:.3f} |", flush=True
        )
    if arguments.json:
        write_json(arguments.json, {"machine": facts, "race": lines})


if __name__ == "__main__":
    main()
