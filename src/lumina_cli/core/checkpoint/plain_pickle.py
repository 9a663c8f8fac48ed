"""The pickle in a file of `torch.save`, read by a machine that can't be told to do anything.

A pickle is a program. `pickletools` takes it apart into commands without doing any; this does the
few that `torch.save` needs for plain values and tensors, and of what a program may name it knows
the few things below; none is called. A tensor comes out as a `TensorRef`: what its numbers are
and under which key they lie.

Time and memory grow with the length of the pickle and no faster. What a program takes out of its
memory again is a copy that counts as if it had been written out, so nothing contains itself,
and nothing small stands for something huge.
"""

import enum
import pickletools
import re
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import torch

from lumina_cli.core.checkpoint.plain_values import (
    MOST_CHARS,
    MOST_COMMANDS,
    MOST_DEPTH,
    NotPlainError,
    TensorRef,
)

MOST_BYTES = 256_000_000
_MOST_DIMENSIONS = 8
_LARGEST_INT = (1 << 127) - 1
_KEY = re.compile(r"0|[1-9]\d{0,8}")


class _Name(enum.Enum):
    REBUILD = "a function that makes a tensor"
    ORDERED_DICT = "a type, called without arguments"
    NO_HOOKS = "what that returns"


@dataclass(frozen=True, slots=True)
class _Storage:
    key: str
    dtype: torch.dtype
    num: int


_NAMES: dict[str, object] = {
    "torch._utils _rebuild_tensor_v2": _Name.REBUILD,
    "collections OrderedDict": _Name.ORDERED_DICT,
    "torch FloatStorage": torch.float32,
    "torch LongStorage": torch.int64,
    "torch ByteStorage": torch.uint8,
    "torch HalfStorage": torch.float16,
    "torch BFloat16Storage": torch.bfloat16,
    "torch CharStorage": torch.int8,
}


def read_plain_pickle(data: memoryview) -> object:
    """Return what a pickle holds: plain values, and a `TensorRef` for each tensor.

    Raises:
        NotPlainError: it holds something else, or too much, or is none.
    """
    try:
        _check(len(data) <= MOST_BYTES)
        return _Machine(len(data)).run(bytes(data))
    except (IndexError, ValueError) as error:
        raise NotPlainError(f"no plain pickle: {error}") from error


class _Machine:
    """Runs a pickle: its commands put values on a stack, and take them from there.

    Args:
        num_bytes: length of the pickle, by which work is limited.
    """

    def __init__(self, num_bytes: int) -> None:
        self.stack: list[object] = []
        self.below: list[list[object]] = []
        self.memo: dict[int, object] = {}
        # Each command takes a byte; the other half is for what is taken out of memory again.
        self.commands_left = min(MOST_COMMANDS, 2 * num_bytes)
        self.chars_left = min(MOST_CHARS, 64 * num_bytes)

    def run(self, data: bytes) -> object:
        for command, argument, at in pickletools.genops(data):
            self.count()
            if command.name == "STOP":
                _check(at == len(data) - 1)
            else:
                _check(command.name in _COMMANDS and (command.name != "PROTO" or at == 0))
                _COMMANDS[command.name](self, argument)
        _check(len(self.stack) == 1 and not self.below)
        return self.stack[0]

    def count(self, num: int = 1) -> None:
        self.commands_left -= num
        _check(self.commands_left >= 0)

    def push(self, value: object) -> None:
        self.stack.append(value)

    def text(self, text: str) -> None:
        text.encode()  # fails where it holds half a character
        self.chars_left -= len(text)
        _check(self.chars_left >= 0)
        self.stack.append(text)

    def whole(self, number: int) -> None:
        _check(abs(number) <= _LARGEST_INT)
        self.stack.append(number)

    def mark(self) -> None:
        self.below.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[object]:
        """Return what lies above the newest mark, which goes."""
        found, self.stack = self.stack, self.below.pop()
        return found

    def last(self, num: int) -> list[object]:
        """Return the last few values, which go."""
        _check(len(self.stack) >= num)
        found = self.stack[-num:]
        del self.stack[-num:]
        return found

    def extend(self, values: list[object]) -> None:
        into = self.stack[-1]
        _check(type(into) is list)
        into += values  # type: ignore[operator]

    def update(self, values: list[object]) -> None:
        into = self.stack[-1]
        _check(type(into) is dict and len(values) % 2 == 0)
        assert isinstance(into, dict)
        for key, value in zip(values[::2], values[1::2], strict=True):
            _check(type(key) is str and key not in into)
            into[key] = value

    def remember(self, number: int) -> None:
        self.memo[number] = self.stack[-1]

    def recall(self, number: int) -> None:
        _check(number in self.memo)
        self.stack.append(self.copied(self.memo[number]))

    def copied(self, value: object, *, depth: int = 0) -> object:
        """Return a value once more, its size counted as if it had been written again."""
        _check(depth <= MOST_DEPTH)
        self.count()
        if type(value) is str:
            self.chars_left -= len(value)
            _check(self.chars_left >= 0)
        elif type(value) is list:
            return [self.copied(each, depth=depth + 1) for each in value]
        elif type(value) is dict:
            return {
                self.copied(name, depth=depth + 1): self.copied(each, depth=depth + 1)
                for name, each in value.items()
            }
        return value

    def name(self, name: str) -> None:
        _check(name in _NAMES)
        self.stack.append(_NAMES[name])

    def call(self) -> None:
        """Do the two calls there are, by hand."""
        arguments, function = self.stack.pop(), self.stack.pop()
        if function is _Name.ORDERED_DICT and arguments == ():
            self.stack.append(_Name.NO_HOOKS)
            return
        _check(function is _Name.REBUILD)
        self.stack.append(_tensor(arguments))

    def storage(self) -> None:
        """Take the numbers of a tensor, which lie elsewhere in the file."""
        told = self.stack.pop()
        _check(type(told) is tuple and len(told) == 5)
        assert isinstance(told, tuple)
        kind, dtype, key, device, num = told
        _check(kind == "storage" and type(dtype) is torch.dtype and device == "cpu")
        _check(type(key) is str and _KEY.fullmatch(key) is not None)
        _check(type(num) is int and num >= 0)
        self.stack.append(_Storage(key, dtype, num))


def _tensor(arguments: object) -> TensorRef:
    """Return the tensor that torch would make: all of a storage, in order, and no view of it."""
    _check(type(arguments) is tuple and len(arguments) == 6)
    assert isinstance(arguments, tuple)
    storage, offset, shape, strides, needs_gradient, hooks = arguments
    _check(type(storage) is _Storage and type(offset) is int and offset == 0)
    _check(needs_gradient is False and hooks is _Name.NO_HOOKS)
    _check(_are_sizes(shape) and _are_sizes(strides) and len(shape) == len(strides))
    _check(prod(shape) == storage.num)
    inner = 1
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        _check(stride == inner or size == 1 or storage.num == 0)
        inner *= size
    return TensorRef(storage.key, storage.dtype, shape)


def _are_sizes(value: object) -> bool:
    return (
        type(value) is tuple
        and len(value) <= _MOST_DIMENSIONS
        and all(type(size) is int and 0 <= size < 1 << 62 for size in value)
    )


def _protocol(version: int) -> None:
    _check(version == 2)


_COMMANDS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda _, version: _protocol(version),
    "MARK": lambda m, _: m.mark(),
    "EMPTY_DICT": lambda m, _: m.push({}),
    "EMPTY_LIST": lambda m, _: m.push([]),
    "EMPTY_TUPLE": lambda m, _: m.push(()),
    "NONE": lambda m, _: m.push(None),
    "NEWTRUE": lambda m, _: m.push(True),
    "NEWFALSE": lambda m, _: m.push(False),
    "BININT1": lambda m, number: m.push(number),
    "BININT2": lambda m, number: m.push(number),
    "BININT": lambda m, number: m.push(number),
    "LONG1": lambda m, number: m.whole(number),
    "BINFLOAT": lambda m, number: m.push(number),
    "BINUNICODE": lambda m, text: m.text(text),
    "TUPLE": lambda m, _: m.push(tuple(m.since_mark())),
    "TUPLE1": lambda m, _: m.push(tuple(m.last(1))),
    "TUPLE2": lambda m, _: m.push(tuple(m.last(2))),
    "TUPLE3": lambda m, _: m.push(tuple(m.last(3))),
    "APPEND": lambda m, _: m.extend(m.last(1)),
    "APPENDS": lambda m, _: m.extend(m.since_mark()),
    "SETITEM": lambda m, _: m.update(m.last(2)),
    "SETITEMS": lambda m, _: m.update(m.since_mark()),
    "BINPUT": lambda m, number: m.remember(number),
    "LONG_BINPUT": lambda m, number: m.remember(number),
    "BINGET": lambda m, number: m.recall(number),
    "LONG_BINGET": lambda m, number: m.recall(number),
    "GLOBAL": lambda m, name: m.name(name),
    "REDUCE": lambda m, _: m.call(),
    "BINPERSID": lambda m, _: m.storage(),
}
"""By their names in `pickletools`."""


def _check(condition: bool) -> None:  # noqa: FBT001  as assert takes it
    if not condition:
        raise NotPlainError("a command that no plain value needs")
