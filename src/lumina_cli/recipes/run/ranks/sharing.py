"""Whether a batch is large enough for the processes that share it, told before the run."""

import time

import torch
from torch import nn

from lumina_cli.core.training.optim.optimizers import shares_update
from lumina_cli.core.training.parallel.rank import Rank
from lumina_cli.core.training.parallel.reduction import STRETCH
from lumina_cli.core.training.parallel.scaling import Link, Network, StepTimes, step_s
from lumina_cli.recipes.train.job import TrainJob
from lumina_cli.recipes.train.plan import Plan

ENOUGH = 0.9
"""Share of their time in which processes learn; below it there is something to tell."""

NUM_SUMS = 3


def sharing_notice(job: TrainJob, plan: Plan) -> str | None:
    """Return what to do where processes would wait long for each other; each rank calls it.

    None where a process trains alone, or the clock ends the run and no step was timed.
    """
    rank = job.compute.rank
    if rank.world_size == 1 or plan.steps is None or job.config.minutes is not None:
        return None
    numbers = sum(p.numel() for p in job.model.parameters() if p.requires_grad)
    sum_s = measure_sum_s(numbers, device=job.compute.device, rank=rank)
    share = busy_share(
        plan.seconds / plan.steps,
        sum_s,
        numbers=numbers,
        world_size=rank.world_size,
        shares_update=shares_update(numbers, config=job.config),
    )
    if share >= ENOUGH:
        return None
    chars = round(job.config.windows_per_step * plan.model.seq_length * plan.chars_per_id)
    return (
        f"{chars:,} characters a step keep {rank.world_size} processes busy {share:.0%} of their "
        "time: raise --batch-size, or use fewer"
    )


def measure_sum_s(numbers: int, *, device: torch.device, rank: Rank) -> float:
    """Return how long all ranks take to sum so many gradients: the quickest of some sums."""
    flat = nn.Parameter(torch.zeros(numbers, device=device))
    flat.grad = torch.zeros_like(flat)
    gradients = rank.gradient_sum([flat], [flat.grad])
    seconds = []
    for _ in range(NUM_SUMS):
        rank.sum(())  # all begin together
        started_s = time.perf_counter()
        gradients.finish()
        seconds.append(time.perf_counter() - started_s)
    return min(seconds)


def busy_share(
    learn_s: float, sum_s: float, *, numbers: int, world_size: int, shares_update: bool
) -> float:
    """Return the share of a step in which ranks learn, sums going on while backward does.

    Args:
        learn_s: that a step takes a rank alone, a third of it forward.
        sum_s: that a sum of all gradients takes.
        numbers: of the gradients, summed `STRETCH` at a time.
        world_size: number of ranks.
        shares_update: whether each sends its part of the new weights, for half as long as a sum.
    """
    whole_s = learn_s * world_size
    times = StepTimes(whole_s / 3, whole_s * 2 / 3, 0.0)
    link = Link(0.0, 2 * (world_size - 1) / world_size * numbers / sum_s)
    count = max(numbers // STRETCH, 1)
    network = Network(world_size, inside=link, between=link)
    taken_s = step_s(
        times,
        [numbers / count] * count,
        world_size=world_size,
        network=network,
        shares_update=shares_update,
    )
    return learn_s / taken_s
