"""How fast `lumina serve` answers many at once, beside one process for each request.

    python benchmarks/serving.py [--shape seed] [--chars 250] [--rounds 3] [--gguf FILE]
                                 [--json FILE]

The server runs in a process of its own, the clients in this one, each with a connection, a
prompt and a seed of its own; the weights are random. Round by round so many streams are read
at once. Told are the characters of all together in a second, and how many times those of one
stream that is; the time to the first character and the time between two, at the median and the
95th percentile; each the median over the rounds. `--gguf` names a model of the same shape for
llama.cpp, whose server (of the package xllamacpp) takes turns with ours, asked in the same way.
"""

import argparse
import asyncio
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
from generation import SHAPES, VOCAB_SIZE
from measuring import describe, machine, write_json

from lumina_cli.core.checkpoint.model_file import save_model
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import build_model
from lumina_cli.tokenizer.characters import CharacterTokenizer

NUM_STREAMS = (1, 4, 16, 32)
PROMPT_CHARS = 64
IDLE_S = 5.0
START_S = 60.0
CHARACTERS = "".join(map(chr, range(0x4E00, 0x4E00 + VOCAB_SIZE - 262)))
NO_END = {str(id_): -100 for id_ in range(5, 262)}
"""A bias by which no text ends by itself, nor spells a character in bytes: with random weights it
often would, and such a character takes several steps."""
LIKE_OURS = {"ignore_eos": True, "temperature": 0.8, "top_p": 0.9, "top_k": 0, "min_p": 0}
OURS = "lumina serve"


@dataclass
class Stream:
    """When the pieces of one text came, and how many characters each had."""

    began_s: float = 0.0
    times_s: list[float] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    @property
    def first_s(self) -> float:
        return self.times_s[0] - self.began_s

    @property
    def gaps_s(self) -> list[float]:
        """Seconds between two characters; those that came together have none between them."""
        gaps = []
        for (before, now), count in zip(
            zip(self.times_s, self.times_s[1:], strict=False), self.counts[1:], strict=True
        ):
            gaps += [now - before, *[0.0] * (count - 1)]
        return gaps


def random_model(path: Path, config: ModelConfig) -> None:
    """Write a model of a shape with random weights."""
    generator = torch.Generator().manual_seed(0)
    model = build_model(config, vocab_size=VOCAB_SIZE, generator=generator)
    save_model(path, model=model, tokenizer=CharacterTokenizer(CHARACTERS), metadata={})


@contextmanager
def lumina_server(path: Path) -> Iterator[tuple[str, int]]:
    """Serve a model in a process of its own; yield its address and its process id."""
    call = [sys.executable, "-m", "lumina_cli", "serve", "-m", str(path), "--port", "0"]
    process = subprocess.Popen(call, stderr=subprocess.PIPE, text=True, cwd=path.parent)
    assert process.stderr is not None
    try:
        url = next(found[0] for line in process.stderr if (found := re.search(r"http\S+", line)))
        yield url, process.pid
    finally:
        process.terminate()
        process.wait()


def body_of(number: int, *, num_chars: int, extra: dict[str, Any]) -> bytes:
    """Return the request of one stream."""
    generator = torch.Generator().manual_seed(number)
    places = torch.randint(len(CHARACTERS), (PROMPT_CHARS,), generator=generator).tolist()
    prompt = "".join(CHARACTERS[place] for place in places)
    body = {"prompt": prompt, "max_tokens": num_chars, "seed": number, "stream": True}
    return json.dumps({**body, **extra}).encode()


async def read_stream(url: str, body: bytes) -> Stream:
    """Ask for a text and note when its pieces come."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = (
        f"POST /v1/completions HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    stream = Stream(began_s=time.perf_counter())
    writer.write(head.encode() + body)
    async for line in reader:
        if line.startswith(b"data: {"):
            choices = json.loads(line[6:])["choices"]
            text = choices[0]["text"] if choices else ""
            if text:
                stream.times_s.append(time.perf_counter())
                stream.counts.append(len(text))
    writer.close()
    return stream


async def read_streams(url: str, bodies: Sequence[bytes]) -> list[Stream]:
    return list(await asyncio.gather(*(read_stream(url, body) for body in bodies)))


def measure(
    url: str, *, num_streams: int, num_chars: int, extra: dict[str, Any], first: int = 0
) -> dict[str, Any]:
    """Return the figures of so many streams at once, whose numbers begin at `first`."""
    numbers = range(first, first + num_streams)
    bodies = [body_of(n, num_chars=num_chars, extra=extra) for n in numbers]
    streams = asyncio.run(read_streams(url, bodies))
    began_s = min(stream.began_s for stream in streams)
    seconds = max(stream.times_s[-1] for stream in streams) - began_s
    firsts = [stream.first_s for stream in streams]
    gaps = [gap for stream in streams for gap in stream.gaps_s]
    return {
        "streams": num_streams,
        "chars_per_s": sum(sum(stream.counts) for stream in streams) / seconds,
        "first_median_s": statistics.median(firsts),
        "first_p95_s": percentile(firsts, 0.95),
        "gap_median_s": statistics.median(gaps),
        "gap_p95_s": percentile(gaps, 0.95),
    }


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of them does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def processes(path: Path, *, num_streams: int, num_chars: int) -> dict[str, Any]:
    """Return the figures of one process for each request, from start to end."""
    call = [sys.executable, "-m", "lumina_cli", "generate", "-m", str(path), "--quiet"]
    call += ["--max-chars", str(num_chars), CHARACTERS[:PROMPT_CHARS], "--threads", "1"]
    started_s = time.perf_counter()
    running = [
        subprocess.Popen(
            [*call, "--seed", str(n)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        for n in range(num_streams)
    ]
    texts = [process.communicate()[0].decode() for process in running]
    seconds = time.perf_counter() - started_s
    return {"streams": num_streams, "chars_per_s": sum(map(len, texts)) / seconds}


def processor_s(pid: int) -> float:
    """Return the processor time of a process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle_share(pid: int) -> float:
    """Return the share of a core that an idle server takes."""
    before_s = processor_s(pid)
    time.sleep(IDLE_S)
    return (processor_s(pid) - before_s) / IDLE_S


@contextmanager
def llama_server(gguf: Path, *, num_slots: int, context: int) -> Iterator[str]:
    """Serve a model with llama.cpp in this process's child."""
    script = (
        "import os, sys, time, xllamacpp as x\n"
        "p = x.CommonParams(); p.model.path = sys.argv[1]; p.n_gpu_layers = 0\n"
        "p.n_parallel, p.n_ctx = int(sys.argv[2]), int(sys.argv[3])\n"
        "p.cpuparams.n_threads = p.cpuparams_batch.n_threads = os.cpu_count(); p.verbosity = -1\n"
        "s = x.Server(p); print(s.listening_address, flush=True); time.sleep(1e6)\n"
    )
    call = [sys.executable, "-c", script, str(gguf), str(num_slots), str(num_slots * context)]
    process = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        yield next(line.strip() for line in process.stdout if line.startswith("http"))
    finally:
        process.kill()
        process.wait()


def take_rounds(
    servers: dict[str, tuple[str, dict[str, Any]]], *, num_rounds: int, given: argparse.Namespace
) -> dict[str, list[list[dict[str, Any]]]]:
    """Return the figures by server, number of streams and round."""
    figures: dict[str, list[list[dict[str, Any]]]] = {
        name: [[] for _ in given.streams] for name in servers
    }
    for url, extra in servers.values():
        measure(url, num_streams=2, num_chars=8, extra=extra)  # warm up
    firsts = itertools.count(1_000, 1_000)  # a text that was said before would be guessed
    for _ in range(num_rounds):
        for place, num_streams in enumerate(given.streams):
            first = next(firsts)
            for name, (url, extra) in servers.items():
                line = measure(
                    url, num_streams=num_streams, num_chars=given.chars, extra=extra, first=first
                )
                figures[name][place].append(line)
    return figures


def median_of(rounds: list[dict[str, Any]], *, base: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the median of each figure, and of the speed beside one stream's of the same round."""
    line = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
    pairs = zip(rounds, base, strict=True)
    ratios = [each["chars_per_s"] / one["chars_per_s"] for each, one in pairs]
    return line | {"ratio": statistics.median(ratios)}


def show(name: str, line: dict[str, Any]) -> None:
    times = ""
    if "gap_median_s" in line:
        first = f"{1e3 * line['first_median_s']:.0f}/{1e3 * line['first_p95_s']:.0f}"
        gap = f"{1e3 * line['gap_median_s']:.1f}/{1e3 * line['gap_p95_s']:.1f}"
        times = f"{line['ratio']:5.2f} × one, first {first} ms, between {gap} ms (median/p95)"
    speed = f"{line['streams']:3.0f} streams {line['chars_per_s']:7.0f} chars/s"
    print(f"{name:24} {speed} {times}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, default="seed")
    parser.add_argument("--chars", type=int, default=250)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--streams", type=int, nargs="+", default=list(NUM_STREAMS))
    parser.add_argument("--processes", type=int, nargs="*", default=[4])
    parser.add_argument("--gguf", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    print(describe(machine()), flush=True)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        path = Path(folder) / "Model.pth"
        random_model(path, SHAPES[given.shape])
        url, pid = stack.enter_context(lumina_server(path))
        servers: dict[str, tuple[str, dict[str, Any]]] = {OURS: (url, {"logit_bias": NO_END})}
        if given.gguf:
            context = SHAPES[given.shape].seq_length
            llama = llama_server(given.gguf, num_slots=max(given.streams), context=context)
            servers["llama.cpp's server"] = (stack.enter_context(llama), LIKE_OURS)
        figures = take_rounds(servers, num_rounds=given.rounds, given=given)
        lines = {
            name: [median_of(rounds, base=places[0]) for rounds in places]
            for name, places in figures.items()
        }
        for name, places in lines.items():
            for line in places:
                show(name, line)
        print(f"an idle server takes {100 * idle_share(pid):.2f} % of a core", flush=True)
        stack.close()
        lines["one process per request"] = [
            processes(path, num_streams=n, num_chars=given.chars) for n in given.processes
        ]
        for line in lines["one process per request"]:
            show("one process per request", line)
    if given.json:
        write_json(given.json, {"machine": machine(), "figures": lines})


if __name__ == "__main__":
    main()
