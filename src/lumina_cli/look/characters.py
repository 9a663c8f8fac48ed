"""How alike characters are to the model.

N characters.
"""

from dataclasses import dataclass
from typing import ClassVar


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
