"""How alike characters are to the model.

N characters.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from lumina_cli.core.inference.sampling.filters import Logits
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.tokenizer.base import Tokenizer

MAX_CHARACTERS = 96
NUM_NEIGHBOURS = 5
ALIKE = (
    "Two characters are alike where the model expects them in the same places: "
    "compared are the rows of its head, less what all rows have in common."
)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The characters most like one, the most alike first."""

    labels: list[str]
    similarities: list[float]


@dataclass(frozen=True, slots=True)
class CharactersView:
    """How alike characters are to the model, by the rows of its head less their mean.

    Attributes:
        ids, labels: the characters, (N,), each beside one it is like.
        similarity: cosine of each two, from −1 to 1, (N, N), symmetric.
        neighbours: the five most alike of each, (N,).
        num_left_out: characters that are not shown.
        notes: as for `NextView`.
    """

    view: ClassVar[str] = "characters"
    ids: list[int]
    labels: list[str]
    similarity: list[list[float]]
    neighbours: list[Neighbours]
    num_left_out: int
    notes: list[str]


@torch.inference_mode()
def characters(
    model: Transformer, tokenizer: Tokenizer, *, chosen: Iterable[str] = ()
) -> CharactersView:
    """Return how alike characters are to a model.

    Args:
        model: in fp32.
        tokenizer: that of the model.
        chosen: characters to compare; those it has no id for are left out. By default all.
    """
    known = tokenizer.character_ids
    wanted = dict.fromkeys(character for character in chosen if character in known)
    ids = [known[character] for character in wanted or sorted(known)]
    shown = ids[:MAX_CHARACTERS]
    rows = model.lm_head.weight.cpu().double()  # some devices have no fp64
    rows = rows[shown] - rows[list(known.values())].mean(dim=0)
    unit = rows / rows.norm(dim=1, keepdim=True).clamp_min(1e-12)
    cosines: Logits = (unit @ unit.T).clamp(-1, 1).numpy()
    order = _chain(cosines)
    cosines = (cosines + cosines.T)[np.ix_(order, order)] / 2
    labels = [tokenizer.describe(shown[n]) for n in order]
    return CharactersView(
        ids=[shown[n] for n in order],
        labels=labels,
        similarity=cosines.tolist(),
        neighbours=[_neighbours(row, own=n, labels=labels) for n, row in enumerate(cosines)],
        num_left_out=len(ids) - len(shown),
        notes=[ALIKE],
    )


def _chain(cosines: Logits) -> list[int]:
    """Return an order in which each stands beside the most alike that is left."""
    left = set(range(1, len(cosines)))
    order = [0] if len(cosines) else []
    while left:
        row = cosines[order[-1]]
        order.append(max(left, key=lambda n: (row[n], -n)))
        left.remove(order[-1])
    return order


def _neighbours(row: Logits, *, own: int, labels: list[str]) -> Neighbours:
    others = [int(n) for n in np.argsort(-row, kind="stable") if n != own][:NUM_NEIGHBOURS]
    return Neighbours([labels[n] for n in others], [float(row[n]) for n in others])
