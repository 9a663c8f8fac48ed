"""What the benchmarks share: taking turns, ratios with their spread, and where it was measured."""

import argparse
import importlib.util
import json
import multiprocessing
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import torch

from lumina_cli.core.model.config import ModelConfig

PACKAGES = ("lumina-cli", "torch", "onnxruntime", "xllamacpp", "transformers", "numpy")


class Ratio(NamedTuple):
    """How many times faster than the base, over the rounds: median, least and largest."""

    median: float
    least: float
    largest: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f} to {self.largest:.2f})"


class Apart:
    """A function in a process of its own, which waits asleep between two calls.

    So what one of those that are measured leaves behind (threads that spin, memory, caches of
    kernels) is not the others', and each has the environment that it is used with.

    Args:
        make: returns the function, in that process; it must be picklable.
        environment: variables that the process has besides this one's.
    """

    def __init__(
        self,
        make: Callable[[], Callable[[], object]],
        *,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(make, theirs))
        with _environment(environment or {}):
            self._process.start()
        theirs.close()

    def __call__(self) -> None:
        """Call the function there. Raises EOFError where the process has ended."""
        self._connection.send(None)
        self._connection.recv()

    def end(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.join()


def _serve(make: Callable[[], Callable[[], object]], connection: Connection) -> None:
    function = make()
    while True:
        try:
            connection.recv()
        except EOFError:
            return
        function()
        connection.send(None)


@contextmanager
def _environment(besides: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(besides)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def take_turns(
    functions: Mapping[str, Callable[[], object]],
    *,
    num_rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Return the seconds that each function took in each round, after one round to warm up.

    They take turns, so that a machine that slows down meanwhile does so for all.
    """
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for number in range(num_rounds + 1):
        for name, function in functions.items():
            started_s = clock()
            function()
            if number:
                seconds[name].append(clock() - started_s)
    return seconds


def speed_ratio(seconds: list[float], *, base: list[float]) -> Ratio:
    """Return how many times faster than the base, round by round."""
    ratios = [theirs / ours for ours, theirs in zip(seconds, base, strict=True)]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))


def nanogpt_folder(text: str) -> Path:
    """Return the folder that was named, for argparse; it has nanoGPT in it."""
    if not (Path(text) / "model.py").is_file():
        raise argparse.ArgumentTypeError(f"there is no model.py in {text}; name a nanoGPT checkout")
    return Path(text)


def nanogpt_model(path: Path, config: ModelConfig, *, vocab_size: int, dropout: float = 0.0) -> Any:
    """Return nanoGPT's own model of a shape, with biases, as ours has them."""
    module = load_nanogpt(path)
    shape = module.GPTConfig(
        block_size=config.seq_length,
        vocab_size=vocab_size,
        n_layer=config.num_layers,
        n_head=config.num_heads,
        n_embd=config.hidden_size,
        dropout=dropout,
        bias=True,
    )
    return module.GPT(shape)


def load_nanogpt(path: Path) -> Any:
    """Return the `model` module of the nanoGPT in a folder."""
    spec = importlib.util.spec_from_file_location("nanogpt_model", path / "model.py")
    assert spec is not None
    assert spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    sys.modules["nanogpt_model"] = module
    spec.loader.exec_module(module)
    return module


def machine() -> dict[str, object]:
    """Return what was measured on, and with which versions."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "threads": torch.get_num_threads(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
    }


def describe(facts: Mapping[str, object]) -> str:
    """Return where it was measured as a line."""
    return ", ".join(f"{name} {value}" for name, value in facts.items() if value is not None)


def write_json(path: Path, content: object) -> None:
    """Write figures for another program to read."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
