"""Ranks in one process, one after the other: what they have is exchanged by hand."""

from collections.abc import Sequence

import torch

from lumina_cli.core.training.optim.flat import FlatParameters
from lumina_cli.core.training.parallel.rank import SingleProcess


class ApartRank(SingleProcess):
    """One of several ranks, which talks to nobody."""

    def __init__(self, index: int, *, of: int) -> None:
        super().__init__()
        self.index = index
        self.world_size = of


def exchange(flats: Sequence[FlatParameters]) -> None:
    """Give all ranks the values of each, its own part of the same parameters."""
    with torch.no_grad():
        whole = torch.cat([flat.own(flat.values) for flat in flats])
        for flat in flats:
            flat.values.copy_(whole)
