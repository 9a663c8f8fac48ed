"""How long a step takes on many processes, from times that were measured on one.

Each process learns from its share of a batch, so forward and backward are divided. Gradients are
summed a stretch at a time, in the order in which the backward pass ends with them, while it goes on
with the next; what is not sent when it ends is waited for. Where processes share the update, too,
the new weights of the others are waited for.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple


class Link(NamedTuple):
    """What connects two processes: seconds until a message begins to arrive, and its speed."""

    latency_s: float
    bytes_per_s: float

    def seconds(self, num_bytes: float, *, hops: float) -> float:
        """Return how long a message takes that is sent on so many times."""
        return num_bytes / self.bytes_per_s + hops * self.latency_s


class Network(NamedTuple):
    """Nodes with some processes each.

    `inside` is what each process has to itself within its node, `between` what all processes of
    a node share on the way to others.
    """

    per_node: int
    inside: Link
    between: Link

    def all_reduce_s(self, num_bytes: float, *, world_size: int) -> float:
        """Return how long a sum over all processes takes.

        A ring within each node, whose members then each sum a part with the other nodes. Of n
        members each sends 2·(n − 1)/n of the bytes; between nodes the number of hops grows
        with their logarithm, as in the trees of NCCL.

        Source: Patarasuk & Yuan 2009, "Bandwidth optimal all-reduce algorithms".
        """
        members = min(world_size, self.per_node)
        nodes = math.ceil(world_size / self.per_node)
        seconds = 0.0
        if members > 1:
            share = 2 * (members - 1) / members
            seconds += self.inside.seconds(share * num_bytes, hops=2 * (members - 1))
        if nodes > 1:
            share = 2 * (nodes - 1) / nodes
            seconds += self.between.seconds(share * num_bytes, hops=2 * math.log2(nodes))
        return seconds

    def share_s(self, num_bytes: float, *, world_size: int) -> float:
        """Return how long all take to have what each has a part of: half a sum, by the same way."""
        return self.all_reduce_s(num_bytes, world_size=world_size) / 2


class StepTimes(NamedTuple):
    """What a step takes on one process, in seconds.

    Args:
        forward_s, backward_s: for the whole batch.
        update_s: of the optimizer, for all weights.
    """

    forward_s: float
    backward_s: float
    update_s: float

    @property
    def total_s(self) -> float:
        return self.forward_s + self.backward_s + self.update_s


def step_s(
    times: StepTimes,
    stretches: Sequence[float],
    *,
    world_size: int,
    network: Network,
    shares_update: bool,
) -> float:
    """Return how long a step takes on so many processes.

    Args:
        times: on one.
        stretches: bytes of gradients that are summed at once, in the order of the backward pass,
            which takes a share of its time for each by its bytes; weights have as many.
        world_size: number of processes.
        network: between them.
        shares_update: whether each updates a part of the weights, and sends it to all.
    """
    learnt_s = times.forward_s / world_size
    backward_s, num_bytes = times.backward_s / world_size, sum(stretches)
    sent_s = learnt_s
    for stretch in stretches:
        learnt_s += backward_s * stretch / num_bytes
        sent_s = max(sent_s, learnt_s) + network.all_reduce_s(stretch, world_size=world_size)
    update_s = times.update_s
    if shares_update:
        update_s = update_s / world_size + network.share_s(num_bytes, world_size=world_size)
    return max(learnt_s, sent_s) + update_s
