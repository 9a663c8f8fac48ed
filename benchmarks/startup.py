"""How long a person waits for `lumina --help`, and for the prompt of `lumina chat`.

    python benchmarks/startup.py [--rounds 5] [--json FILE]

The chat is with a model of the default shape that was never trained, in a terminal of its
own, from the start of the process to its prompt. All take turns; beside them stands what
`import torch` alone takes. It needs pexpect, which is among the tools for developers, and
a system with terminals of the POSIX kind.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pexpect
from measuring import describe, machine, take_turns, write_json

from lumina_cli.core.checkpoint.model_file import save_model
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import build_model
from lumina_cli.core.seeding import make_generator
from lumina_cli.tokenizer.characters import CharacterTokenizer

LUMINA = "from lumina_cli.cli.app import main; main()"
TORCH = "import torch"


def run(code: str, *arguments: str) -> Callable[[], object]:
    """Return what runs Python code in a process of its own to its end."""
    command = [sys.executable, "-c", code, *arguments]
    return lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def chat_to_prompt(model: Path) -> None:
    """Start a chat and wait until it asks."""
    child = pexpect.spawn(sys.executable, ["-c", LUMINA, "chat", "-m", str(model)], timeout=60)
    child.expect("you>")
    child.close(force=True)


def main() -> None:
    """Print a Markdown table, and write JSON where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    tokenizer = CharacterTokenizer("".join(map(chr, range(32, 127))))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "Model.pth"
        generator = make_generator(0, "weights")
        model = build_model(ModelConfig(), vocab_size=tokenizer.vocab_size, generator=generator)
        save_model(path, model=model, tokenizer=tokenizer, metadata={})
        runs = {
            "python, nothing else": run("pass"),
            "lumina --help": run(LUMINA, "--help"),
            "import torch": run(TORCH),
            "lumina chat, to its prompt": lambda: chat_to_prompt(path),
        }
        seconds = take_turns(runs, num_rounds=options.rounds)
    facts = machine()
    print(f"{describe(facts)}\n\n| | seconds (of the rounds) |\n|---|---|")
    for name, taken in seconds.items():
        spread = f"{min(taken):.2f} to {max(taken):.2f}"
        print(f"| {name} | {statistics.median(taken):.2f} ({spread}) |")
    if options.json:
        write_json(options.json, {"machine": facts, "seconds": seconds})


if __name__ == "__main__":
    main()
