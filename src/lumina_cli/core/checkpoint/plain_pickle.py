"""The pickle in a file of `torch.save`, read by a machine that can't be told to do anything.

A pickle is a program. This runs the few of its commands that `torch.save` needs for plain values
and tensors, and of what a program may name it knows the five things below; none is called. A
tensor comes out as a `TensorRef`: what its numbers are and under which key they lie.

Time and memory grow with the length of the pickle and no faster. What a program takes out of its
memory again is a copy that counts as if it had been written out, so nothing contains itself,
and nothing small stands for something huge.
"""

import enum
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from math import prod

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
_MOST_INT_BYTES = 16
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


_NAMES: dict[bytes, object] = {
    b"torch._utils _rebuild_tensor_v2": _Name.REBUILD,
    b"collections OrderedDict": _Name.ORDERED_DICT,
    b"torch FloatStorage": torch.float32,
    b"torch LongStorage": torch.int64,
    b"torch ByteStorage": torch.uint8,
    b"torch HalfStorage": torch.float16,
    b"torch BFloat16Storage": torch.bfloat16,
    b"torch CharStorage": torch.int8,
}


def read_plain_pickle(data: memoryview) -> object:
    """Return what a pickle holds: plain values, and a `TensorRef` for each tensor.

    Raises:
        NotPlainError: it holds something else, or too much, or is none.
    """
    try:
        _check(len(data) <= MOST_BYTES)
        return _Machine(bytes(data)).run()
    except (IndexError, struct.error, UnicodeDecodeError, ValueError) as error:
        raise NotPlainError(f"no plain pickle: {error}") from error


class _Machine:
    """Runs a pickle: commands take their arguments from the data and from a stack."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.stack: list[object] = []
        self.below: list[list[object]] = []
        self.memo: dict[int, object] = {}
        # Each command takes a byte; the other half is for what is taken out of memory again.
        self.commands_left = min(MOST_COMMANDS, 2 * len(data))
        self.chars_left = min(MOST_CHARS, 64 * len(data))

    def run(self) -> object:
        while (command := self.take(1)) != b".":
            self.count()
            _check(command in _COMMANDS)
            _COMMANDS[command](self)
        _check(self.at == len(self.data) and len(self.stack) == 1 and not self.below)
        return self.stack[0]

    def count(self, num: int = 1) -> None:
        self.commands_left -= num
        _check(self.commands_left >= 0)

    def take(self, num: int) -> bytes:
        """Return the next bytes."""
        _check(0 <= num <= len(self.data) - self.at)
        self.at += num
        return self.data[self.at - num : self.at]

    def number(self, form: str) -> int | float:
        number: int | float = struct.unpack(form, self.take(struct.calcsize(form)))[0]
        return number

    def whole(self, form: str) -> int:
        return int(self.number(form))

    def line(self) -> bytes:
        end = self.data.find(b"\n", self.at, self.at + 200)
        _check(end >= 0)
        return self.take(end + 1 - self.at)[:-1]

    def text(self) -> str:
        num_bytes = self.whole("<I")
        _check(num_bytes <= 4 * self.chars_left)
        text = self.take(num_bytes).decode()
        self.chars_left -= len(text)
        _check(self.chars_left >= 0)
        return text

    def since_mark(self) -> list[object]:
        """Return what lies above the newest mark, which goes."""
        found, self.stack = self.stack, self.below.pop()
        return found

    def push_last(self, num: int) -> None:
        """Put a tuple in place of the last few."""
        _check(len(self.stack) >= num)
        last = tuple(self.stack[-num:])
        del self.stack[-num:]
        self.stack.append(last)

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

    def name(self) -> None:
        name = self.line() + b" " + self.line()
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


def _long(machine: _Machine) -> None:
    num = machine.whole("<B")
    _check(num <= _MOST_INT_BYTES)
    machine.stack.append(int.from_bytes(machine.take(num), "little", signed=True))


def _mark(machine: _Machine) -> None:
    machine.below.append(machine.stack)
    machine.stack = []


def _last_two(machine: _Machine) -> list[object]:
    value, key = machine.stack.pop(), machine.stack.pop()
    return [key, value]


def _protocol(machine: _Machine) -> None:
    _check(machine.at == 1 and machine.take(1) == b"\x02")


def _push(make: Callable[[_Machine], object]) -> Callable[[_Machine], None]:
    def command(machine: _Machine) -> None:
        value = make(machine)  # which may change the stack
        machine.stack.append(value)

    return command


_COMMANDS: dict[bytes, Callable[[_Machine], None]] = {
    b"\x80": _protocol,
    b"(": _mark,
    b"}": _push(lambda _: {}),
    b"]": _push(lambda _: []),
    b")": _push(lambda _: ()),
    b"N": _push(lambda _: None),
    b"\x88": _push(lambda _: True),
    b"\x89": _push(lambda _: False),
    b"K": _push(lambda m: m.number("<B")),
    b"M": _push(lambda m: m.number("<H")),
    b"J": _push(lambda m: m.number("<i")),
    b"\x8a": _long,
    b"G": _push(lambda m: m.number(">d")),
    b"X": _push(lambda m: m.text()),
    b"t": _push(lambda m: tuple(m.since_mark())),
    b"\x85": lambda m: m.push_last(1),
    b"\x86": lambda m: m.push_last(2),
    b"\x87": lambda m: m.push_last(3),
    b"a": lambda m: m.extend([m.stack.pop()]),
    b"e": lambda m: m.extend(m.since_mark()),
    b"s": lambda m: m.update(_last_two(m)),
    b"u": lambda m: m.update(m.since_mark()),
    b"q": lambda m: m.remember(m.whole("<B")),
    b"r": lambda m: m.remember(m.whole("<I")),
    b"h": lambda m: m.recall(m.whole("<B")),
    b"j": lambda m: m.recall(m.whole("<I")),
    b"c": lambda m: m.name(),
    b"R": lambda m: m.call(),
    b"Q": lambda m: m.storage(),
}
"""By the byte that stands for each, as in `pickletools`."""


def _check(condition: bool) -> None:  # noqa: FBT001  as assert takes it
    if not condition:
        raise NotPlainError("a command that no plain value needs")
