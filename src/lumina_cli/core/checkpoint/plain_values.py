"""What a plain pickle holds besides values that JSON has too, and how much of everything."""

import math
from dataclasses import dataclass

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
        return math.prod(self.shape) * self.dtype.itemsize


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


def is_json(value: object, *, depth: int = MOST_DEPTH) -> bool:
    """Whether a value can be written as JSON: no NaN, no half characters, no endless nesting."""
    if type(value) is dict:
        return depth > 0 and all(
            type(key) is str and is_json(key) and is_json(each, depth=depth - 1)
            for key, each in value.items()
        )
    if type(value) is list:
        return depth > 0 and all(is_json(each, depth=depth - 1) for each in value)
    if type(value) is str:
        return value.encode(errors="ignore").decode() == value
    if type(value) is float:
        return math.isfinite(value)
    return value is None or type(value) in (bool, int)
