"""How fast lumina generates, beside what one would take otherwise, all of the same shape.

    python benchmarks/generation.py [--shape seed] [--model Model.pth] [--json FILE]
                                    [--nanogpt PATH]

All say the same number of characters after the same prompt, batch 1, greedily, and take
turns round by round; a ratio is the median over the rounds of the time of transformers'
cached `generate` divided by the time of the other. Weights are random but for
speculation, which depends on the text: give it a trained model with --model (and
--prompt). A last line shows what guesses cost where weights are random, too.
transformers is taken from the registry, with its dynamic and with its static cache;
nanoGPT from a folder that you name. Where there is a GPU all of it happens there, the
peers in bf16, and the static cache compiled.
"""

import argparse
import copy
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from measuring import (
    describe,
    machine,
    nanogpt_folder,
    nanogpt_model,
    speed_ratio,
    take_turns,
    write_json,
)
from torch import Tensor

from lumina_cli.conversation import Message
from lumina_cli.core.checkpoint.model_file import ModelFile, load_model
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.engine import Engine
from lumina_cli.core.inference.generate import generate
from lumina_cli.core.inference.sampling.filters import Logits
from lumina_cli.core.inference.sampling.sampler import Sampler
from lumina_cli.core.inference.sequence import as_rows
from lumina_cli.core.inference.speculative.speculator import Speculator
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.kernels.int8 import quantize
from lumina_cli.core.model.transformer import Transformer, build_model, to_bf16
from lumina_cli.core.seeding import make_generator
from lumina_cli.tokenizer.chat_format import encode_prompt

VOCAB_SIZE = 362
SHAPES = {
    "demo": ModelConfig(
        hidden_size=64, num_layers=4, num_heads=2, seq_length=128, position_encoding="rotary"
    ),
    "laptop": ModelConfig(hidden_size=192, num_layers=4, num_heads=6, seq_length=128),
    "seed": ModelConfig(),
}
BASE = "transformers, cached generate"
BATCH = 32
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
ON_GPU = DEVICE.type == "cuda"
DTYPE = torch.bfloat16 if ON_GPU else torch.float32
"""Of the peers."""

Run = Callable[[], object]


def lumina(model: Transformer, prompt: Tensor, *, num_chars: int, batch_size: int = 1) -> Run:
    """Return ours without an end: read, choose, read on."""
    config = SamplingConfig(sampler="greedy")
    engine, prompt_ids = Engine(model, num_rows=batch_size), prompt[0].tolist()

    def run() -> None:
        for row in list(engine.rows):
            engine.release(row)
        samplers = [Sampler(config, generator=torch.Generator()) for _ in range(batch_size)]
        first = engine.admit()
        logits = engine.prefill(first, prompt_ids).expand(batch_size, -1)
        rows = [first, *(engine.fork(first) for _ in range(batch_size - 1))]
        for number in range(num_chars):
            ids = [  # a GPU is done only now
                choose(sampler, of_row)
                for sampler, of_row in zip(samplers, as_rows(logits), strict=True)
            ]
            if number < num_chars - 1:
                logits = engine.decode(rows, ids)

    return run


def choose(sampler: Sampler, logits: Logits) -> int:
    """Return the next id, without computing anything again where rounding might decide."""
    id_ = sampler.sample(logits, ())
    return sampler.resample(logits, ()) if id_ is None else id_


def transformers_runs(config: ModelConfig, prompt: Tensor, *, num_chars: int) -> dict[str, Run]:
    """Return GPT-2 of the same shape with either cache; nothing where it is not installed."""
    try:
        from transformers import GPT2Config, GPT2LMHeadModel, logging  # noqa: PLC0415  optional
    except ImportError:
        print("transformers is not installed: pip install transformers", file=sys.stderr)
        return {}
    logging.set_verbosity_error()
    shape = GPT2Config(
        vocab_size=VOCAB_SIZE,
        n_positions=config.seq_length,
        n_embd=config.hidden_size,
        n_layer=config.num_layers,
        n_head=config.num_heads,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = GPT2LMHeadModel(shape).eval().to(device=DEVICE, dtype=DTYPE)
    prompt = prompt.to(DEVICE)
    fixed: dict[str, Any] = {
        "max_new_tokens": num_chars,
        "min_new_tokens": num_chars,
        "do_sample": False,
        "pad_token_id": 0,
        "attention_mask": torch.ones_like(prompt),
    }
    static = fixed | {"cache_implementation": "static", "disable_compile": not ON_GPU}
    return {
        BASE: lambda: model.generate(prompt, use_cache=True, **fixed).cpu(),
        "transformers, static cache": lambda: model.generate(prompt, **static).cpu(),
    }


def nanogpt_run(path: Path, config: ModelConfig, prompt: Tensor, *, num_chars: int) -> Run:
    """Return `generate` of the nanoGPT in a folder, in its own model of the same shape."""
    model = nanogpt_model(path, config, vocab_size=VOCAB_SIZE).eval()
    model = model.to(device=DEVICE, dtype=DTYPE)
    prompt = prompt.to(DEVICE)
    return lambda: model.generate(prompt, num_chars, top_k=1).cpu()


def compare(config: ModelConfig, *, num_rounds: int, nanogpt: Path | None) -> list[dict[str, Any]]:
    """Return a line for each way to generate with random weights."""
    num_chars = config.seq_length // 4
    generator = make_generator(0, "prompt")
    prompt = torch.randint(262, VOCAB_SIZE, (1, config.seq_length // 8), generator=generator)
    model = build_model(config, vocab_size=VOCAB_SIZE, generator=generator).eval().to(DEVICE)
    rounded = copy.deepcopy(model)
    smaller = "lumina, bf16" if ON_GPU else "lumina, int8"
    if ON_GPU:
        to_bf16(rounded)
    else:
        quantize(rounded)
    runs = transformers_runs(config, prompt, num_chars=num_chars)
    if nanogpt:
        runs["nanoGPT"] = nanogpt_run(nanogpt, config, prompt, num_chars=num_chars)
    runs["lumina, fp32"] = lumina(model, prompt, num_chars=num_chars)
    runs[smaller] = lumina(rounded, prompt, num_chars=num_chars)
    together = lumina(model, prompt, num_chars=num_chars, batch_size=BATCH)
    runs[f"lumina, fp32, {BATCH} texts together"] = together
    seconds = take_turns(runs, num_rounds=num_rounds)
    lines = []
    for name, taken in seconds.items():
        said = num_chars * (BATCH if runs[name] is together else 1)
        base = seconds.get(BASE, seconds["lumina, fp32"])
        scaled = [each * num_chars / said for each in taken]
        line = {"what": name, "chars_per_s": said / sorted(taken)[len(taken) // 2]}
        lines.append(line | {"ratio": speed_ratio(scaled, base=base)})
    return lines


def first_character(model: Transformer, *, num_rounds: int) -> dict[int, list[float]]:
    """Return seconds to read a prompt and say one character, by the ids of the prompt."""
    seq_length = model.config.seq_length
    runs = {}
    for length in (seq_length // 16, seq_length // 4):
        prompt = torch.randint(262, model.vocab_size, (1, length))
        runs[str(length)] = lumina(model, prompt, num_chars=1)
    seconds = take_turns(runs, num_rounds=num_rounds)
    return {int(length): taken for length, taken in seconds.items()}


class Session:
    """Says the same replies over and over, each time as if it had never said them.

    Args:
        file: the model.
        prompts: what it is asked.
        temperature: of the nucleus sampler.
        is_speculating: whether characters are guessed in advance.
    """

    def __init__(
        self, file: ModelFile, *, prompts: list[str], temperature: float, is_speculating: bool
    ) -> None:
        self.ids: list[int] = []
        self.speculator: Speculator | None = None
        self._file = file
        self._prompts = prompts
        self._config = SamplingConfig(temperature=temperature, max_chars=200)
        self._is_speculating = is_speculating
        self._engine = Engine(file.model)
        self._row = self._engine.admit()

    def say(self) -> None:
        """Answer all prompts; what was guessed right before is forgotten."""
        self.speculator = Speculator(self._file.draft) if self._is_speculating else None
        self.ids = []
        for number, text in enumerate(self._prompts):
            tokenizer = self._file.tokenizer
            chunks = generate(
                self._engine,
                encode_prompt([Message("user", text)], tokenizer=tokenizer),
                tokenizer=tokenizer,
                config=self._config,
                generator=make_generator(number, "text"),
                row=self._row,
                speculator=self.speculator,
            )
            self.ids += [chunk.id for chunk in chunks]


def speculation(file: ModelFile, *, prompts: list[str], num_rounds: int) -> list[dict[str, Any]]:
    """Return a line for each temperature: with guesses against without, on the same texts.

    The last is of random weights, where nothing can be guessed.
    """
    lines = []
    model = file.model
    fresh = build_model(model.config, vocab_size=model.vocab_size, generator=make_generator(0, "w"))
    untrained = replace(file, model=fresh.eval().to(DEVICE))
    runs = [(file, temperature) for temperature in (0.0, 0.5, 0.8, 1.0)]
    for talker, temperature in [*runs, (untrained, 1.5)]:
        off, auto = (
            Session(talker, prompts=prompts, temperature=temperature, is_speculating=is_speculating)
            for is_speculating in (False, True)
        )
        seconds = take_turns({"off": off.say, "auto": auto.say}, num_rounds=num_rounds)
        assert auto.speculator is not None
        lines.append(
            {
                "temperature": temperature,
                "is_untrained": talker is untrained,
                "ratio": speed_ratio(seconds["auto"], base=seconds["off"]),
                "acceptance": auto.speculator.acceptance.rate,
                "characters_per_pass": auto.speculator.acceptance.ids_per_pass,
                "characters": len(auto.ids),
                "is_same_text": auto.ids == off.ids,
            }
        )
    return lines


def print_speeds(
    shape: str, lines: list[dict[str, Any]], *, first_s: dict[int, list[float]]
) -> None:
    """Print a Markdown table of one shape."""
    base = next(line["what"] for line in lines if set(line["ratio"]) == {1.0})
    print(f"\n| {shape} shape | characters/s | times {base} |\n|---|---|---|")
    for line in lines:
        print(f"| {line['what']} | {line['chars_per_s']:,.0f} | {line['ratio']} |")
    print()
    for length, taken in first_s.items():
        milliseconds = 1000 * sorted(taken)[len(taken) // 2]
        print(f"First character after a prompt of {length} ids: {milliseconds:.0f} ms")


def print_speculation(lines: list[dict[str, Any]]) -> None:
    """Print a Markdown table of speculation."""
    print("\n| temperature | auto against off | guesses right | characters a pass | same text |")
    print("|---|---|---|---|---|")
    for line in lines:
        rate, per_pass = line["acceptance"] or 0, line["characters_per_pass"] or 1
        same = "yes" if line["is_same_text"] else "NO"
        temperature = f"{line['temperature']}{', untrained' if line['is_untrained'] else ''}"
        cells = (temperature, line["ratio"], f"{rate:.0%}", f"{per_pass:.2f}", same)
        print(f"| {' | '.join(map(str, cells))} |")


def main() -> None:
    """Print Markdown tables, and write JSON where asked."""
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--shape", choices=SHAPES, action="append")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="CPU threads to use")
    parser.add_argument("--model", type=Path, help="a trained model to measure speculation on")
    parser.add_argument("--prompt", action="append", help="what it is asked (repeatable)")
    parser.add_argument("--nanogpt", type=nanogpt_folder, help="folder of nanoGPT")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    found: dict[str, Any] = {"machine": machine(), "date": time.strftime("%Y-%m-%d"), "shapes": {}}
    print(describe(found["machine"]))
    for shape in options.shape or SHAPES:
        lines = compare(SHAPES[shape], num_rounds=options.rounds, nanogpt=options.nanogpt)
        model = build_model(
            SHAPES[shape], vocab_size=VOCAB_SIZE, generator=make_generator(0, "weights")
        )
        first_s = first_character(model.eval().to(DEVICE), num_rounds=options.rounds)
        print_speeds(shape, lines, first_s=first_s)
        found["shapes"][shape] = {"lines": lines, "first_character_s": first_s}
    if options.model:
        prompts = options.prompt or ["Hello", "How are you?", "What do you like?", "Tell me more."]
        file = load_model(options.model)
        file.model.to(DEVICE)
        found["speculation"] = speculation(file, prompts=prompts, num_rounds=options.rounds)
        print_speculation(found["speculation"])
    if options.json:
        write_json(options.json, found)


if __name__ == "__main__":
    main()
