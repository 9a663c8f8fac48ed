"""How training scales over processes: measured here, and simulated for machines that are not here.

    python benchmarks/scaling.py [--shape laptop] [--rounds 5] [--json FILE]

Here: the parts of a step on one process with one thread, and messages between two processes over
gloo, are measured and put into the simulator (`training/parallel/scaling.py`); beside what it
says for 2 and 4 processes stands what they take, in turns with one. More processes than cores
share them, and the simulator divides by the cores.

There: 1 to 64 GPUs, 8 in a node, by the assumptions that stand in `GPU` and `NETWORKS`. Nothing of
it was measured on a GPU. Efficiency is the speed as a share of that many times one GPU's.
"""

import argparse
import atexit
import os
import socket
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from measuring import Apart, Ratio, describe, machine, speed_ratio, take_turns, write_json

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.memory_estimate import num_parameters
from lumina_cli.core.model.transformer import build_model
from lumina_cli.core.precision import choose_precision
from lumina_cli.core.seeding import make_generator
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.optim.muon import NEWTON_SCHULZ_STEPS
from lumina_cli.core.training.optim.optimizers import build_optimizers, shares_update
from lumina_cli.core.training.parallel.joining import join
from lumina_cli.core.training.parallel.processes import Processes
from lumina_cli.core.training.parallel.rank import Rank
from lumina_cli.core.training.parallel.scaling import Link, Network, StepTimes, step_s
from lumina_cli.core.training.step.stepper import Stepper
from lumina_cli.data.batches import Batch

VOCAB_SIZE = 362
SHAPES = {
    "demo": (ModelConfig(hidden_size=64, num_layers=4, num_heads=2, seq_length=128), 16),
    "laptop": (ModelConfig(hidden_size=192, num_layers=4, num_heads=6, seq_length=128), 32),
}
MESSAGES = (1 << 10, 16 << 20)
"""Bytes of the two messages that show latency and speed."""

REPEATS = 20
"""Of a message in a turn: one is too short for the clock."""

CPU = torch.device("cpu")
Step = Callable[[], object]

OptimizerName = Literal["adamw", "muon"]
OPTIMIZERS: tuple[OptimizerName, ...] = ("adamw", "muon")
WORLD_SIZES = (2, 4, 8, 16, 32, 64)


class Gpu(NamedTuple):
    """What a GPU is taken to do: operations a second in bf16 and in fp32, bytes a second."""

    flops: float = 400e12
    fp32_flops: float = 40e12
    memory_bytes_per_s: float = 3e12
    message_s: float = 0.4e-3  # the numbers that all ranks agree on after a step


GPU = Gpu()
NVLINK, PCIE = Link(5e-6, 300e9), Link(10e-6, 20e9)
NETWORKS = {
    "NVLink, 400 Gb/s a GPU": Network(8, inside=NVLINK, between=Link(20e-6, 8 * 50e9)),
    "NVLink, 100 Gb/s a node": Network(8, inside=NVLINK, between=Link(20e-6, 12.5e9)),
    "PCIe, 25 Gb/s a node": Network(8, inside=PCIE, between=Link(30e-6, 3.1e9)),
}


class Workload(NamedTuple):
    """A model, the ids of a step (of all GPUs, or of each), and the share of GPU.flops it uses."""

    config: ModelConfig
    num_ids: int
    is_per_gpu: bool
    use: float


M19 = ModelConfig()
M350 = ModelConfig(hidden_size=1024, num_layers=28, num_heads=16, seq_length=1024)
WORKLOADS = {
    "19 M, 8 k ids a step": Workload(M19, 8_192, False, 0.30),
    "19 M, 131 k ids a step": Workload(M19, 131_072, False, 0.30),
    "19 M, 16 k ids a GPU": Workload(M19, 16_384, True, 0.30),
    "350 M, 524 k ids a step": Workload(M350, 524_288, False, 0.45),
    "350 M, 32 k ids a GPU": Workload(M350, 32_768, True, 0.45),
}


def muon_flops(config: ModelConfig) -> float:
    """Return what orthogonalizing all matrices of the layers multiplies and adds."""

    def one(rows: int, columns: int) -> float:
        small, large = sorted((rows, columns))
        return NEWTON_SCHULZ_STEPS * (4.0 * small**2 * large + 2.0 * small**3)

    width, wide = config.hidden_size, config.feedforward_size
    return config.num_layers * (4 * one(width, width) + 2 * one(width, wide))


def gpu_times(work: Workload, *, world_size: int, optimizer: OptimizerName) -> StepTimes:
    """Return what a step takes on one GPU, of the ids that so many learn from."""
    config = work.config
    parameters = num_parameters(config, vocab_size=VOCAB_SIZE)
    num_ids = work.num_ids * (world_size if work.is_per_gpu else 1)
    flops = num_ids * 6 * (parameters + config.num_layers * config.hidden_size * config.seq_length)
    learn_s = flops / (GPU.flops * work.use)
    update_s = 28 * parameters / GPU.memory_bytes_per_s  # 7 fp32 numbers read or written for each
    if optimizer == "muon":
        update_s += muon_flops(config) / GPU.fp32_flops
    return StepTimes(learn_s / 3, learn_s * 2 / 3, update_s)


def gpu_efficiency(
    work: Workload, network: Network, *, world_size: int, optimizer: OptimizerName
) -> float:
    """Return the efficiency of so many GPUs, two at least, with a sum for each layer."""
    alone = gpu_times(work, world_size=1, optimizer=optimizer)
    times = gpu_times(work, world_size=world_size, optimizer=optimizer)
    parameters = num_parameters(work.config, vocab_size=VOCAB_SIZE)
    num_layers = work.config.num_layers
    stretches = [4 * parameters / num_layers] * num_layers
    taken_s = GPU.message_s + step_s(
        times,
        stretches,
        world_size=world_size,
        network=network,
        shares_update=shares_update(parameters, config=TrainingConfig(optimizer=optimizer)),
    )
    scale = 1 if work.is_per_gpu else world_size
    return alone.total_s / (scale * taken_s)


def first_below(work: Workload, network: Network, *, optimizer: OptimizerName) -> str:
    """Return where efficiency falls below 90 %, with the efficiency there."""
    for world_size in WORLD_SIZES:
        reached = gpu_efficiency(work, network, world_size=world_size, optimizer=optimizer)
        if reached < 0.9:
            return f"{world_size} ({reached:.0%})"
    return f"not up to {WORLD_SIZES[-1]} ({reached:.0%})"


class Ranks:
    """A function on each of some processes that train together, called on all at once.

    Args:
        make: returns the function, in each process.
        world_size: number of processes, each with one thread.
    """

    def __init__(self, make: Callable[[], Step], *, world_size: int) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        group = {
            "WORLD_SIZE": str(world_size),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
        }
        self._pool = ThreadPoolExecutor(world_size)
        self._ranks = [
            Apart(make, environment={**group, "RANK": str(index)} if world_size > 1 else None)
            for index in range(world_size)
        ]

    def __call__(self) -> None:
        list(self._pool.map(lambda rank: rank(), self._ranks))

    def end(self) -> None:
        """End the processes."""
        list(self._pool.map(Apart.end, self._ranks))


def make_step(name: str) -> Step:
    """Return a training step of this rank, in one thread, as `lumina train` does it in fp32."""
    stepper, batch = make_stepper(name)
    return partial(stepper.step, batch, lr_factor=0.3)


def make_update(name: str) -> Step:
    """Return the update of a step alone."""
    stepper, _ = make_stepper(name)
    return partial(stepper.optimizers.step, lr_factor=0.3)


def make_message(num_bytes: int) -> Step:
    """Return a sum over all ranks, some times."""
    rank = this_rank()
    parameter = torch.nn.Parameter(torch.zeros(num_bytes // 4))
    parameter.grad = torch.zeros_like(parameter)
    sums = rank.gradient_sum([parameter], [parameter.grad])

    def send() -> None:
        for _ in range(REPEATS):
            sums.finish()

    return send


def this_rank() -> Rank:
    """Return which rank this process is; it leaves the others when it ends."""
    rank = join(CPU)
    if isinstance(rank, Processes):
        atexit.register(rank.close, is_over=True)
    return rank


def make_stepper(name: str) -> tuple[Stepper, Batch]:
    """Return what does steps of a shape on this rank, and what it learns from."""
    torch.set_num_threads(1)
    config, batch_size = SHAPES[name]
    model = build_model(config, vocab_size=VOCAB_SIZE, generator=make_generator(0, "weights"))
    training, rank = TrainingConfig(), this_rank()
    stepper = Stepper(
        model.train(),
        build_optimizers(model, config=training, rank=rank),
        precision=choose_precision("fp32", device=CPU),
        grad_clip=training.grad_clip,
        label_smoothing=training.label_smoothing,
        micro_batch_size=batch_size,
        rank=rank,
    )
    ids = np.random.default_rng(0).integers(6, VOCAB_SIZE, (batch_size, config.seq_length + 1))
    batch = Batch(ids[:, :-1].copy(), ids[:, 1:].copy(), np.ones(ids[:, 1:].shape, np.bool_))
    return stepper, batch


class Measured(NamedTuple):
    """Of so many processes: how many times as fast as one they are, and were said to be."""

    world_size: int
    faster: Ratio
    simulated: float


def measure(name: str, *, num_rounds: int) -> tuple[StepTimes, Link, list[Measured]]:
    """Return the parts of a step on one process, the link between two, and what more are worth."""
    small, large = MESSAGES
    steps = {size: Ranks(partial(make_step, name), world_size=size) for size in (1, 2, 4)}
    parts = {
        "update": Ranks(partial(make_update, name), world_size=1),
        "small": Ranks(partial(make_message, small), world_size=2),
        "large": Ranks(partial(make_message, large), world_size=2),
    }
    measured = {**{str(size): ranks for size, ranks in steps.items()}, **parts}
    try:
        seconds = take_turns(measured, num_rounds=num_rounds)
    finally:
        for ranks in measured.values():
            ranks.end()
    whole_s, update_s, small_s, large_s = (statistics.median(seconds[key]) for key in ("1", *parts))
    learn_s = whole_s - update_s
    times = StepTimes(learn_s / 3, learn_s * 2 / 3, update_s)
    latency_s = small_s / REPEATS / 2
    link = Link(latency_s, large / max(large_s / REPEATS - 2 * latency_s, 1e-9))
    config, _ = SHAPES[name]
    num_bytes = 4 * num_parameters(config, vocab_size=VOCAB_SIZE)
    found = [
        Measured(
            size,
            speed_ratio(seconds[str(size)], base=seconds["1"]),
            times.total_s / simulated_s(times, link, num_bytes=num_bytes, world_size=size),
        )
        for size in (2, 4)
    ]
    return times, link, found


def simulated_s(times: StepTimes, link: Link, *, num_bytes: float, world_size: int) -> float:
    """Return what the simulator says of processes on the cores that there are."""
    crowd = max(world_size / (os.cpu_count() or 1), 1)
    shared = StepTimes(times.forward_s * crowd, times.backward_s * crowd, times.update_s * crowd)
    network = Network(world_size, inside=link, between=link)
    return step_s(shared, [num_bytes], world_size=world_size, network=network, shares_update=False)


def print_here(names: Sequence[str], *, num_rounds: int) -> list[dict[str, Any]]:
    """Print what was measured here, and return it."""
    print("| shape | learning, update, ms | message, ms, and GB/s | processes | times one | said |")
    print("|---|---|---|---:|---:|---:|")
    lines = []
    for name in names:
        times, link, found = measure(name, num_rounds=num_rounds)
        learn_ms = 1e3 * (times.forward_s + times.backward_s)
        for each in found:
            print(
                f"| {name} | {learn_ms:.1f}, {1e3 * times.update_s:.1f} | "
                f"{1e3 * link.latency_s:.2f}, {link.bytes_per_s / 1e9:.2f} | "
                f"{each.world_size} | {each.faster} | {each.simulated:.2f} |",
                flush=True,
            )
            lines.append({"shape": name, "times": times._asdict(), **each._asdict()})
    return lines


def print_there(optimizer: OptimizerName) -> None:
    """Print where the efficiency of GPUs falls below 90 %, simulated."""
    print(f"\nWhere GPUs fall below 90 % with {optimizer}, simulated:\n")
    print("| | " + " | ".join(NETWORKS) + " |")
    print("|---|" + "---|" * len(NETWORKS))
    for name, work in WORKLOADS.items():
        cells = [first_below(work, net, optimizer=optimizer) for net in NETWORKS.values()]
        print(f"| {name} | " + " | ".join(cells) + " |")


def main() -> None:
    """Print Markdown tables, and write the figures where --json asks for it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, action="append")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    facts = machine()
    print(f"{describe(facts)}\n")
    lines = print_here(options.shape or list(SHAPES), num_rounds=options.rounds)
    for optimizer in OPTIMIZERS:
        print_there(optimizer)
    if options.json:
        write_json(options.json, {"machine": facts, "scaling": lines})


if __name__ == "__main__":
    main()
