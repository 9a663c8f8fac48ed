"""Pickles: those of plain values and tensors are read, and no other does anything at all."""

import io
import pickletools
import struct
import tracemalloc
import zipfile
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.core.checkpoint import plain_pickle
from lumina_cli.core.checkpoint.container import read_container, write_container
from lumina_cli.core.checkpoint.model_file import load_model
from lumina_cli.core.checkpoint.plain_pickle import read_plain_pickle
from lumina_cli.core.checkpoint.plain_values import NotPlainError, TensorRef, is_json
from lumina_cli.errors import ModelFileError, OutputError

from .forging import packed, with_pickle

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda below: st.lists(below, max_size=5) | st.dictionaries(st.text(), below, max_size=5),
)


def pickled(content: object) -> bytes:
    """The pickle that torch makes of a value."""
    with zipfile.ZipFile(io.BytesIO(packed(content))) as archive:
        return archive.read("archive/data.pkl")


def read(pickle: bytes) -> object:
    return read_plain_pickle(memoryview(pickle))


def refused(pickle: bytes) -> None:
    with pytest.raises(NotPlainError):
        read(pickle)


@given(JSON_VALUES)
def test_plain_values_are_what_they_were(value: Any) -> None:
    assert read(pickled(value)) == value
    assert repr(read(pickled([value, value]))) == repr([value, value])


def test_a_tensor_is_told_by_its_numbers_and_where_they_lie() -> None:
    tensors = {"x": torch.zeros(2, 3), "y": torch.arange(4), "z": torch.zeros(0, 5).byte()}
    assert read(pickled(tensors)) == {
        "x": TensorRef("0", torch.float32, (2, 3)),
        "y": TensorRef("1", torch.int64, (4,)),
        "z": TensorRef("2", torch.uint8, (0, 5)),
    }
    assert [ref.num_bytes for ref in read(pickled(tensors)).values()] == [24, 32, 0]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("num", "fits"), [(150_000, True), (340_000, False)])
def test_as_many_names_of_files_are_written_as_are_read(
    tmp_path: Path, num: int, fits: bool
) -> None:
    header: Any = {"names": [f"/home/somebody/data/{n:07}.txt" for n in range(num)]}
    path = tmp_path / "file.pth"
    if not fits:
        with pytest.raises(OutputError, match="too much to tell"):
            write_container(path, header=header, tensors={})
        return
    header |= {"format": "lumina-model", "version": 3}
    write_container(path, header=header, tensors={})
    assert read_container(path, kind="lumina-model", versions=(3,)).header == header


def test_what_stands_in_a_pickle_twice_is_read_as_two() -> None:
    shared = {"a": [1]}
    found: Any = read(pickled({"x": shared, "y": shared}))
    found["x"]["a"].append(2)
    assert found == {"x": {"a": [1, 2]}, "y": {"a": [1]}}


@pytest.mark.parametrize(
    "value",
    [
        (1, 2),
        b"bytes",
        bytearray(3),
        {1, 2},
        1j,
        2**200,
        Counter("a"),
        OrderedDict(a=1),
        torch.Size([1]),
        torch.device("cpu"),
        torch.float32,
        torch.nn.Parameter(torch.zeros(2)),
        torch.zeros(2, requires_grad=True),
        torch.zeros(2, dtype=torch.float64),
        torch.zeros(2, 3).t(),
        torch.zeros(4)[1:],
        torch.zeros(4)[:2],
        torch.zeros(1).expand(4),
        torch.zeros(2).to_sparse(),
        torch.zeros(2, device="meta"),
        torch.zeros(2, dtype=torch.complex64),
        {1: 2},
        {None: 2},
        "\ud800",
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
def test_anything_else_is_refused_or_comes_out_as_what_is_no_plain_value(value: object) -> None:
    try:
        found: Any = read(pickled({"x": value}))
    except NotPlainError:
        return
    assert type(found["x"]) in (tuple, torch.dtype)  # which the header's check refuses


@pytest.mark.parametrize("value", [[1.5, "x", None], {"a": {"b": [True]}, "t": torch.zeros(2, 2)}])
def test_a_pickle_cut_short_or_with_more_behind_it_is_refused(value: object) -> None:
    pickle = pickled(value)
    for length in range(len(pickle)):
        refused(pickle[:length])
    refused(pickle + b".")
    refused(pickle[:-1] + b"0.")


@pytest.mark.parametrize("code", pickletools.opcodes, ids=lambda code: code.name)
def test_of_all_commands_of_pickles_none_but_the_plain_ones_is_known(code: Any) -> None:
    command = code.code.encode("latin-1")
    if code.name not in plain_pickle._COMMANDS:
        refused(b"\x80\x02]" + command + b"\x01" * 20 + b".")
    assert code.name not in plain_pickle._COMMANDS or code.name not in (
        *("BUILD", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4"),
        *("DUP", "POP", "POP_MARK", "LONG4", "FRAME", "NEXT_BUFFER", "BYTEARRAY8"),
    )


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def doubled(first: bytes, times: int) -> bytes:
    """A list of twice the thing before it, again and again: memory 0 holds the thing."""
    twice = b"](" + b"h\x00h\x00" + b"eq\x00"
    return b"\x80\x02" + first + b"q\x00" + twice * times + b"."


BOMBS = {
    "lists of lists": doubled(b"]", 60),
    "mappings of mappings": b"\x80\x02}q\x00"
    + (b"}(" + text("a") + b"h\x00" + text("b") + b"h\x00uq\x00") * 60
    + b".",
    "a long text again and again": b"\x80\x02]("
    + text("x" * 100_000)
    + b"q\x00"
    + b"h\x00" * 100_000
    + b"e.",
    "a size that nobody has": b"\x80\x02cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R.",
    "a long number": b"\x80\x02\x8b" + struct.pack("<i", 180_000) + b"\x01" * 180_000 + b".",
    "a text longer than the file": b"\x80\x02X\xff\xff\xff\xff.",
    "marks without end": b"\x80\x02" + b"(" * 100_000 + b".",
    "depth without end": b"\x80\x02" + b"]" * 50_001 + b"a" * 50_000 + b".",
    "a list in itself": b"\x80\x02]q\x00" + b"h\x00a" * 60 + b".",
    "a mapping that overwrites its keys": b"\x80\x02ccollections\nOrderedDict\n)R}"
    + text("keys")
    + b"K\x03sb.",
    "one name twice": b"\x80\x02}(" + (text("a") + b"K\x01") * 2 + b"u.",
    "another protocol": b"\x80\x04N.",
    "a protocol later": b"N\x80\x02.",
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_stands_for_something_huge_is_refused_and_takes_no_memory(name: str) -> None:
    tracemalloc.start()
    try:
        found = read(BOMBS[name])
    except NotPlainError:
        pass
    else:  # what is deep is refused by who asks for plain values
        assert name == "depth without end"
        assert not is_json(found)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000 + 200 * len(BOMBS[name])


@pytest.mark.parametrize("name", [*BOMBS, "deep"])
def test_a_model_file_of_it_is_called_damaged(tmp_path: Path, name: str) -> None:
    deep = b"\x80\x02}" + text("metadata") + b"]" * 100_000 + b"a" * 99_999 + b"s."
    (tmp_path / "Model.pth").write_bytes(with_pickle(BOMBS.get(name, deep)))
    with pytest.raises(ModelFileError, match="is damaged"):
        load_model(tmp_path / "Model.pth")


HEAD = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage")


def tensor_with(
    *,
    storage: bytes = b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"K\x02tQ",
    rest: bytes = b"K\x00K\x02\x85K\x01\x85\x89ccollections\nOrderedDict\n)R",
) -> bytes:
    return HEAD + storage + rest + b"tR."


def test_a_tensor_by_hand_is_read() -> None:
    assert read(tensor_with()) == TensorRef("0", torch.float32, (2,))


@pytest.mark.parametrize(
    "changes",
    [
        {"storage": b"ctorch\nFloatStorage\n" + text("0") + text("cuda") + b"K\x02tQ"},
        {"storage": b"ctorch\nFloatStorage\n" + text("../0") + text("cpu") + b"K\x02tQ"},
        {"storage": b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"J\xfe\xff\xff\xfftQ"},
        {"storage": b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + b"\x88tQ"},
        {"storage": b"ctorch\nDoubleStorage\n" + text("0") + text("cpu") + b"K\x02tQ"},
        {"storage": text("FloatStorage") + text("0") + text("cpu") + b"K\x02tQ"},
        {"storage": b"K\x02tQ"},
        {"storage": b"K\x02t"},
        {"rest": b"K\x00K\x02\x85K\x01\x85\x88ccollections\nOrderedDict\n)R"},
        {"rest": b"K\x00K\x03\x85K\x01\x85\x89ccollections\nOrderedDict\n)R"},
        {"rest": b"K\x01K\x02\x85K\x01\x85\x89ccollections\nOrderedDict\n)R"},
        {"rest": b"K\x00K\x02\x85K\x02\x85\x89ccollections\nOrderedDict\n)R"},
        {"rest": b"K\x00K\x02\x85)\x89ccollections\nOrderedDict\n)R"},
        {"rest": b"K\x00](K\x02eK\x01\x85\x89ccollections\nOrderedDict\n)R"},
        {"rest": b"K\x00K\x02\x85K\x01\x85\x89ccollections\nOrderedDict\n"},
        {"rest": b"K\x00K\x02\x85K\x01\x85\x89N"},
        {"rest": b"K\x00K\x02\x85K\x01\x85\x89"},
        {"rest": b"K\x00J\xfe\xff\xff\xffJ\xff\xff\xff\xff\x86K\x01K\x01\x86\x89N"},
    ],
)
def test_a_tensor_that_torch_would_not_write_is_refused(changes: dict[str, bytes]) -> None:
    refused(tensor_with(**changes))
