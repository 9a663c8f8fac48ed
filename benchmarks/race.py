"""A race for quality: how soon lumina is as good as nanoGPT's own recipe for a CPU.

    python benchmarks/race.py --nanogpt PATH --text tinyshakespeare.txt [--minutes 3]

nanoGPT (a checkout of it at PATH) learns the first nine tenths of the text by the settings
its README gives for a CPU: 4 layers, 128 wide, context 64, batch 12, 2,000 iterations, no
dropout, AdamW. Then `lumina train --minutes` gets a sixth of the time that took, everything
included, and once more the minutes asked for; on the CPU, too, and without settings from outside.
Both are measured on the last tenth, whole, in nats a character. On a part of it lumina also
chooses which of its models to keep, as it does for everyone; nanoGPT's is the one at its end.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import torch
from measuring import describe, load_nanogpt, machine, write_json

CONTEXT, BATCH, ITERATIONS = 64, 12, 2_000
PEAK, FLOOR, WARMUP = 1e-3, 1e-4, 100


def encode(text: str) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Return the ids of both parts of a text, and how many characters there are."""
    characters = sorted(set(text))
    number = {character: index for index, character in enumerate(characters)}
    ids = torch.tensor([number[character] for character in text])
    cut = len(ids) * 9 // 10
    return ids[:cut], ids[cut:], len(characters)


def learning_rate(iteration: int) -> float:
    """Return nanoGPT's schedule: a linear warm-up, then a cosine."""
    if iteration < WARMUP:
        return PEAK * (iteration + 1) / (WARMUP + 1)
    along = (iteration - WARMUP) / (ITERATIONS - WARMUP)
    return FLOOR + 0.5 * (1 + math.cos(math.pi * along)) * (PEAK - FLOOR)


def race_nanogpt(path: Path, text: str) -> tuple[float, float]:
    """Return the seconds nanoGPT trains for, and its loss at the end in nats a character."""
    nanogpt = load_nanogpt(path)
    train, validation, vocab_size = encode(text)
    torch.manual_seed(1337)
    config = nanogpt.GPTConfig(
        block_size=CONTEXT,
        vocab_size=vocab_size,
        n_layer=4,
        n_head=4,
        n_embd=128,
        dropout=0.0,
        bias=False,
    )
    model = nanogpt.GPT(config)
    optimizer = model.configure_optimizers(0.1, PEAK, (0.9, 0.99), "cpu")
    started_s = time.perf_counter()
    for iteration in range(ITERATIONS):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(iteration)
        starts = torch.randint(len(train) - CONTEXT, (BATCH,)).tolist()
        x = torch.stack([train[start : start + CONTEXT] for start in starts])
        y = torch.stack([train[start + 1 : start + 1 + CONTEXT] for start in starts])
        _, loss = model(x, y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    seconds = time.perf_counter() - started_s
    return seconds, nats_of(model.eval(), validation)


@torch.no_grad()
def nats_of(model: Any, ids: torch.Tensor) -> float:
    """Return the mean loss over windows that don't overlap."""
    windows = (len(ids) - 1) // CONTEXT
    x = ids[: windows * CONTEXT].view(windows, CONTEXT)
    y = ids[1 : windows * CONTEXT + 1].view(windows, CONTEXT)
    total = sum(
        model(x[i : i + 128], y[i : i + 128])[1].item() * len(x[i : i + 128])
        for i in range(0, windows, 128)
    )
    return total / windows


def race_lumina(text: Path, *, seconds: float) -> tuple[float, float]:
    """Return the seconds the command takes in all, and its loss in nats a character."""
    with tempfile.TemporaryDirectory() as folder:
        lumina = partial(run_lumina, folder=folder)
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


def run_lumina(*arguments: str, folder: str) -> str:
    """Run the command on the CPU, as nanoGPT does, with its own settings; return its JSON."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LUMINA_")}
    command = [sys.executable, "-m", "lumina_cli", *arguments, "--device", "cpu", "--json"]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=folder, env=environ
    )
    return done.stdout.strip().splitlines()[-1]


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nanogpt", type=Path, required=True, help="a checkout of nanoGPT")
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--peer", type=float, nargs=2, help="its seconds and nats, from before")
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    whole = arguments.text.read_text(encoding="utf-8")
    peer_s, peer_nats = arguments.peer or race_nanogpt(arguments.nanogpt, whole)
    facts = machine()
    lines = [{"which": "nanoGPT", "seconds": peer_s, "nats_per_char": peer_nats}]
    print(f"{describe(facts)}\n")
    print("| | seconds, in all | nats a character, last tenth |")
    print("|---|---|---|")
    print(f"| nanoGPT, its training alone | {peer_s:.0f} | {peer_nats:.3f} |", flush=True)
    for seconds in (peer_s / 6, arguments.minutes * 60):
        taken_s, nats = race_lumina(arguments.text, seconds=seconds)
        lines.append({"which": "lumina", "seconds": taken_s, "nats_per_char": nats})
        print(
            f"| lumina, `--minutes {seconds / 60:.2g}` | {taken_s:.0f} | {nats:.3f} |", flush=True
        )
    if arguments.json:
        write_json(arguments.json, {"machine": facts, "race": lines})


if __name__ == "__main__":
    main()
