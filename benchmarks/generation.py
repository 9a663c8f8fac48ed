"""How fast lumina generates, beside what one would take otherwise, all of the same shape.

    python benchmarks/generation.py [--shape seed] [--model Model.pth] [--json FILE]
                                    [--nanogpt PATH] [--gguf FILE] [--texts 1]

All say the same number of characters after the same prompt, greedily, one text or 16 side by
side, each in a process of its own, and take turns round by round; a ratio is the median over
the rounds of the time of the base divided by the time of the other. The base is lumina's torch
engine in fp32. Weights are random but for speculation, which depends on the text: give it a
trained model with --model (and --prompt). A last line shows what guesses cost where weights are
random, too. transformers is taken from the registry, with its dynamic and with its static
cache; llama.cpp (xllamacpp) likewise, and reads models of the same shape in files that you name
(`lumina export --to gguf`); nanoGPT comes from a folder. Where there is a GPU all but llama.cpp
happens there, the peers in bf16, and the static cache compiled.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import peers
import torch
from measuring import (
    Apart,
    describe,
    machine,
    nanogpt_folder,
    speed_ratio,
    take_turns,
    write_json,
)

from lumina_cli.conversation import Message
from lumina_cli.core.checkpoint.model_file import ModelFile, load_model
from lumina_cli.core.config import ComputeConfig, EngineName
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.engine import Engine
from lumina_cli.core.inference.generate import generate
from lumina_cli.core.inference.sampling.filters import Logits
from lumina_cli.core.inference.sampling.sampler import Sampler
from lumina_cli.core.inference.sequence import as_rows
from lumina_cli.core.inference.speculative.speculator import Speculator
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import build_model, to_bf16
from lumina_cli.core.seeding import make_generator
from lumina_cli.recipes.infer.engines import choose_reader
from lumina_cli.recipes.infer.engines import is_installed as has_onnx
from lumina_cli.tokenizer.chat_format import encode_prompt

VOCAB_SIZE = 362
SHAPES = {
    "demo": ModelConfig(
        hidden_size=64, num_layers=4, num_heads=2, seq_length=128, position_encoding="rotary"
    ),
    "laptop": ModelConfig(hidden_size=192, num_layers=4, num_heads=6, seq_length=128),
    "seed": ModelConfig(),
}
BASE = "lumina, torch, fp32"
BATCH = 16
DEVICE, ON_GPU = peers.DEVICE, peers.ON_GPU

Run = Callable[[], object]
Make = Callable[[], Run]


def some_ids(length: int) -> list[int]:
    """Return ids of characters."""
    generator = make_generator(0, "prompt")
    ids: list[int] = torch.randint(262, VOCAB_SIZE, (length,), generator=generator).tolist()
    return ids


def lumina_run(
    config: ModelConfig,
    prompt_ids: list[int],
    *,
    num_chars: int,
    engine: EngineName,
    precision: str = "fp32",
    batch_size: int = 1,
    threads: int | None = None,
) -> Run:
    """Return ours without an end: read, choose, read on."""
    if threads:
        torch.set_num_threads(threads)
    generator = make_generator(0, "weights")
    model = build_model(config, vocab_size=VOCAB_SIZE, generator=generator).eval().to(DEVICE)
    if precision == "bf16":
        to_bf16(model)
    compute = ComputeConfig.model_validate({"precision": precision})
    reader, _ = choose_reader(model, engine=engine, compute=compute)
    ours, greedy = Engine(reader, num_rows=batch_size), SamplingConfig(sampler="greedy")

    def run() -> None:
        for row in list(ours.rows):
            ours.release(row)
        samplers = [Sampler(greedy, generator=torch.Generator()) for _ in range(batch_size)]
        first = ours.admit()
        logits = ours.prefill(first, prompt_ids).expand(batch_size, -1)
        rows = [first, *(ours.fork(first) for _ in range(batch_size - 1))]
        for number in range(num_chars):
            ids = [  # a GPU is done only now
                choose(sampler, of_row)
                for sampler, of_row in zip(samplers, as_rows(logits), strict=True)
            ]
            if number < num_chars - 1:
                logits = ours.decode(rows, ids)

    return run


def choose(sampler: Sampler, logits: Logits) -> int:
    """Return the next id, without computing anything again where rounding might decide."""
    id_ = sampler.sample(logits, ())
    return sampler.resample(logits, ()) if id_ is None else id_


def ways(shape: str, options: argparse.Namespace, *, batch_size: int) -> dict[str, Make]:
    """Return what makes each way to generate, by its name."""
    config, threads = SHAPES[shape], options.threads or torch.get_num_threads()
    prompt, num_chars = some_ids(config.seq_length // 8), config.seq_length // 4
    ours = partial(
        lumina_run, config, prompt, num_chars=num_chars, batch_size=batch_size, threads=threads
    )
    makes: dict[str, Make] = {BASE: partial(ours, engine="torch")}
    if ON_GPU:
        makes["lumina, bf16"] = partial(ours, engine="torch", precision="bf16")
    elif has_onnx():
        makes["lumina, ONNX Runtime, fp32"] = partial(ours, engine="onnx")
        makes["lumina, ONNX Runtime, int8"] = partial(ours, engine="onnx", precision="int8")
    for path in options.gguf or ():
        if shape in path.name and peers.is_installed("xllamacpp"):
            makes[f"llama.cpp, {path.name}"] = partial(
                peers.llama_cpp_run,
                path,
                prompt,
                num_chars=num_chars,
                batch_size=batch_size,
                threads=threads,
            )
    if batch_size > 1:
        return makes
    if peers.is_installed("transformers"):
        for cache in ("dynamic", "static"):
            makes[f"transformers, {cache} cache"] = partial(
                peers.transformers_run,
                config,
                prompt,
                vocab_size=VOCAB_SIZE,
                num_chars=num_chars,
                cache=cache,
            )
    if options.nanogpt:
        makes["nanoGPT"] = partial(
            peers.nanogpt_run,
            options.nanogpt,
            config,
            prompt,
            vocab_size=VOCAB_SIZE,
            num_chars=num_chars,
        )
    return makes


def compare(
    makes: dict[str, Make], *, num_chars: int, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """Return a line for each way to generate."""
    environment = {"OMP_NUM_THREADS": str(options.threads)} if options.threads else {}
    runs = {name: Apart(make, environment=environment) for name, make in makes.items()}
    seconds = take_turns(runs, num_rounds=options.rounds)
    for run in runs.values():
        run.end()
    return [
        {
            "what": name,
            "chars_per_s": num_chars / sorted(taken)[len(taken) // 2],
            "ratio": speed_ratio(taken, base=seconds[BASE]),
        }
        for name, taken in seconds.items()
    ]


def first_character(config: ModelConfig, *, num_rounds: int) -> dict[int, list[float]]:
    """Return seconds to read a prompt and say one character, by the ids of the prompt."""
    runs = {
        str(length): lumina_run(config, some_ids(length), num_chars=1, engine="auto")
        for length in (config.seq_length // 16, config.seq_length // 4)
    }
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
        reader, _ = choose_reader(file.model, engine="auto", compute=ComputeConfig())
        self._engine = Engine(reader)
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


def print_speeds(title: str, lines: list[dict[str, Any]]) -> None:
    """Print a Markdown table."""
    print(f"\n| {title} | characters/s | times {BASE} |\n|---|---|---|")
    for line in lines:
        print(f"| {line['what']} | {line['chars_per_s']:,.0f} | {line['ratio']} |")


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
    parser.add_argument(
        "--texts", type=int, action="append", help="texts side by side (repeatable); 1 and 16"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="CPU threads to use")
    parser.add_argument("--model", type=Path, help="a trained model to measure speculation on")
    parser.add_argument("--prompt", action="append", help="what it is asked (repeatable)")
    parser.add_argument("--nanogpt", type=nanogpt_folder, help="folder of nanoGPT")
    parser.add_argument(
        "--gguf", type=Path, action="append", help="a GGUF file whose name has the shape in it"
    )
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    found: dict[str, Any] = {"machine": machine(), "date": time.strftime("%Y-%m-%d"), "shapes": {}}
    print(describe(found["machine"]))
    for shape in options.shape or SHAPES:
        num_chars = SHAPES[shape].seq_length // 4
        of_shape: dict[str, Any] = {}
        found["shapes"][shape] = of_shape
        for batch_size in options.texts or (1, BATCH):
            makes = ways(shape, options, batch_size=batch_size)
            lines = compare(makes, num_chars=num_chars * batch_size, options=options)
            title = f"{shape} shape, {batch_size} text{'s' if batch_size > 1 else ''}"
            print_speeds(title, lines)
            of_shape[title] = lines
        if options.texts:
            continue
        first_s = first_character(SHAPES[shape], num_rounds=options.rounds)
        for length, taken in first_s.items():
            milliseconds = 1000 * sorted(taken)[len(taken) // 2]
            print(f"\nFirst character after a prompt of {length} ids: {milliseconds:.1f} ms")
        of_shape["first_character_s"] = first_s
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
