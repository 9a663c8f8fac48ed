"""Characters against subwords: how well a text is learnt in the same time, and how fast it is said.

    python benchmarks/tokenizers.py --text book.txt [--text chats.jsonl …]
                                    [--minutes 3] [--vocab-size 1024 …] [--seeds 3]

Each run is `lumina train --minutes`, everything included, with the model that it chooses, so that
nothing else may compute meanwhile. Nats a character are those of the best evaluation, on the
validation text that the run holds out: the same for all tokenizers of a text. With several seeds
it is their mean, with the least and the largest. Speeds are characters a second, of the first seed:
learnt from, and said by `lumina generate`.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from measuring import describe, machine, write_json
from race import run_lumina

CHARACTERS = 0
"""In place of the size of a vocabulary."""


def measure(text: Path, *, vocab_size: int, minutes: float, seed: int) -> dict[str, Any]:
    """Return what a run came to, and how fast its model says text."""
    kind = ["--tokenizer", "bpe", "--vocab-size", str(vocab_size)] if vocab_size else []
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with tempfile.TemporaryDirectory() as folder:
        length = ["--minutes", str(minutes), "--seed", str(seed), "--out", "Model.pth"]
        train = ["train", "--data", str(text.resolve()), "--quiet", *length, *kind]
        run = json.loads(run_lumina(*train, folder=folder, device=device))
        speak = ["generate", "--model", "Model.pth", "--prompt", "The ", "--max-chars", "2000"]
        said = json.loads(run_lumina(*speak, folder=folder, device=device))
    return {
        "text": text.name,
        "vocab_size": vocab_size,
        "seed": seed,
        "nats_per_char": run["val_nats_per_char"],
        "steps": run["steps"],
        "learnt_chars_per_s": run["chars_per_s"],
        "said_chars_per_s": said["chars_per_s"],
    }


def row(runs: Sequence[dict[str, Any]]) -> str:
    """Return a line of the table: the runs of one text and one tokenizer."""
    nats = [run["nats_per_char"] for run in runs]
    spread = f" ({min(nats):.3f} to {max(nats):.3f})" if len(nats) > 1 else ""
    first = runs[0]
    kind = f"{first['vocab_size']:,} ids" if first["vocab_size"] else "characters"
    speeds = f"{first['learnt_chars_per_s']:,.0f} | {first['said_chars_per_s']:,.0f}"
    loss = f"{statistics.mean(nats):.3f}{spread}"
    return f"| {first['text']} | {kind} | {loss} | {first['steps']:,} | {speeds} |"


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", type=Path, required=True, action="append")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--vocab-size", type=int, nargs="+", default=[1024])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()
    facts, runs = machine(), []
    print(f"{describe(facts)}\n")
    print("| text | tokenizer | nats a character | steps | learnt from, characters/s | said |")
    print("|---|---|---|---|---|---|")
    for text in arguments.text:
        for vocab_size in (CHARACTERS, *arguments.vocab_size):
            found = [
                measure(text, vocab_size=vocab_size, minutes=arguments.minutes, seed=seed)
                for seed in range(arguments.seeds)
            ]
            runs += found
            print(row(found), flush=True)
    if arguments.json:
        write_json(arguments.json, {"machine": facts, "minutes": arguments.minutes, "runs": runs})


if __name__ == "__main__":
    main()
