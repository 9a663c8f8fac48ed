"""What a plain pickle holds besides values that JSON has too, and how much of everything."""

from dataclasses import dataclass
from math import prod

import torch

MOST_COMMANDS = 1_000_000
"""About a second's work: a few hundred for a layer, and two for each text in the metadata."""

MOST_CHARS = 64_000_000
"""Of all texts together."""

MOST_DEPTH = 64
"""Of lists and mappings in each other."""

_PER_VALUE, _PER_TENSOR = 3, 60
"""Commands of a pickle, at most."""


class NotPlainError(ValueError):
    """A pickle of something else than plain values and tensors."""


@dataclass(frozen=True, slots=True)
class TensorRef:
    """A contiguous tensor, the only one whose numbers lie under `key`."""

    key: str
    dtype: torch.dtype
    shape: tuple[int, ...]

    @property
    def num_bytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize


def can_be_read_back(header: dict[str, object], *, num_tensors: int) -> bool:
    """Whether what a file is to hold takes less than `read_plain_pickle` allows."""
    num, num_chars, waiting = 0, 0, list[object]([header])
    while waiting:
        each = waiting.pop()
        num += 1
        if isinstance(each, dict):
            waiting += [*each.keys(), *each.values()]
        elif isinstance(each, list):
            waiting += each
        elif isinstance(each, str):
            num_chars += len(each)
    return _PER_VALUE * num + _PER_TENSOR * num_tensors < MOST_COMMANDS and num_chars < MOST_CHARS


def depth_is_bounded(value: object, *, most: int = MOST_DEPTH) -> bool:
    """Whether lists and mappings lie in each other no deeper than `most`."""
    level = [value]
    for _ in range(most + 1):
        below: list[object] = []
        for each in level:
            if type(each) is dict:
                below += each.values()
            elif type(each) is list:
                below += each
        if not below:
            return True
        level = below
    return False
