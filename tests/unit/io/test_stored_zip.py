"""Archives: those of torch are read, and none that two readers could take for two things."""

import io
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lumina_cli.core.checkpoint.model_file import load_model
from lumina_cli.errors import ModelFileError
from lumina_cli.io import stored_zip
from lumina_cli.io.stored_zip import ZipError, stored_members
from tests.unit.core.checkpoint.forging import forged, packed, sealed, unsealed

END64, LOCATOR, END = 56, 20, 22
"""Bytes of the three records at the end of what torch writes."""


def written_by_torch() -> bytearray:
    return bytearray(packed({"a": torch.arange(3), "b": "text"}))


def refused(data: bytes) -> None:
    with pytest.raises(ZipError):
        stored_members(memoryview(data), comment_bytes=0)


def test_the_members_of_what_torch_writes_are_those_another_reader_finds() -> None:
    data = bytes(written_by_torch())
    members = stored_members(memoryview(data), comment_bytes=0)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        expected = {
            name.removeprefix("archive/"): archive.read(name) for name in archive.namelist()
        }
    assert {n: data[m.start : m.start + m.num_bytes] for n, m in members.items()} == expected


def test_numbers_too_large_for_the_small_records_are_read_from_the_large_ones() -> None:
    size = 2**32 + 5  # nobody writes that much in a test: only the entry is read
    most = 2**32 - 1
    extra = struct.pack("<2H3Q", 1, 24, size, size, size + 9)
    assert stored_zip._large_numbers(extra, num_bytes=most, offset=most) == (size, size + 9)
    extra = struct.pack("<2HQ", 1, 8, size)
    assert stored_zip._large_numbers(extra, num_bytes=7, offset=most) == (7, size)


def set_bytes(data: bytearray, at: int, value: bytes) -> None:
    data[at : at + len(value)] = value


def directory_at(data: bytes) -> int:
    start: int = struct.unpack_from("<Q", data, len(data) - END - LOCATOR - 8)[0]
    return start


EDITS: dict[str, Callable[[bytearray], None]] = {
    "a byte in front": lambda d: d.insert(0, 0),
    "a byte behind": lambda d: d.append(0),
    "a byte before the directory": lambda d: d.insert(directory_at(d), 0),
    "another number of members": lambda d: set_bytes(d, len(d) - END + 8, b"\x01\x00\x01\x00"),
    "another size of the directory": lambda d: set_bytes(d, len(d) - END + 12, b"\x01"),
    "another begin of the directory": lambda d: set_bytes(d, len(d) - END + 16, b"\x00\x00"),
    "a locator that points elsewhere": lambda d: set_bytes(d, len(d) - END - LOCATOR + 8, b"\0\0"),
    "no locator": lambda d: set_bytes(d, len(d) - END - LOCATOR, b"XX"),
    "a directory elsewhere": lambda d: set_bytes(d, len(d) - END - LOCATOR - 8, b"\0\0"),
    "another name in front": lambda d: set_bytes(d, 30, b"brchive"),
    "packed, says the front": lambda d: set_bytes(d, 8, b"\x08"),
    "packed, says the directory": lambda d: set_bytes(d, directory_at(d) + 10, b"\x08"),
    "encrypted": lambda d: set_bytes(d, directory_at(d) + 8, b"\x09"),
    "another size in the directory": lambda d: set_bytes(d, directory_at(d) + 24, b"\xff\xff"),
    "another packed size": lambda d: set_bytes(d, directory_at(d) + 20, b"\xff\xff"),
    "another size in front": lambda d: set_bytes(d, 18, b"\xff"),
    "another place": lambda d: set_bytes(d, directory_at(d) + 42, b"\x01"),
    "a longer name": lambda d: set_bytes(d, directory_at(d) + 28, b"\xff\xff"),
    "a comment": lambda d: set_bytes(d, directory_at(d) + 32, b"\x01"),
    "another disk": lambda d: set_bytes(d, directory_at(d) + 34, b"\x01"),
    "another checksum behind": lambda d: set_bytes(d, d.index(b"PK\x07\x08") + 4, b"\0\0\0\0"),
    "nothing but an end": lambda d: d.__delitem__(slice(0, len(d) - END)),
    "half an end": lambda d: d.__delitem__(slice(0, len(d) - END // 2)),
}


@pytest.mark.parametrize("edit", EDITS)
def test_records_that_disagree_are_refused(edit: str) -> None:
    data = written_by_torch()
    EDITS[edit](data)
    refused(bytes(data))


def test_a_number_for_large_sizes_that_is_not_large_is_refused() -> None:
    data = written_by_torch()
    at = directory_at(data)
    name_bytes = struct.unpack_from("<H", data, at + 28)[0]
    extra = struct.pack("<2H2Q", 1, 16, 3, 3)
    data[at + 46 + name_bytes : at + 46 + name_bytes] = extra
    set_bytes(data, at + 20, b"\xff" * 8)
    set_bytes(data, at + 30, struct.pack("<H", len(extra)))
    size = struct.unpack_from("<Q", data, len(data) - END - LOCATOR - 16)[0] + len(extra)
    set_bytes(data, len(data) - END - LOCATOR - 16, struct.pack("<Q", size))
    set_bytes(data, len(data) - END + 12, struct.pack("<I", size))
    set_bytes(data, len(data) - END - LOCATOR + 8, struct.pack("<Q", at + size))
    refused(bytes(data))


@pytest.mark.parametrize("names", [["a/x", "a/x"], ["a/x", "b/x"], ["x"], ["a/x", "a/é"], []])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_torch_does_not_give_are_refused(names: list[str]) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, b"1")
    refused(out.getvalue())


def two_faced(small: bytes, num_bytes: int) -> bytes:
    """A file with two directories: torch would read the other, a packed pickle of zeros."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("archive/data.pkl", bytes(num_bytes))
        archive.writestr("archive/version", b"3\n")
    packed_zip = out.getvalue()
    large_at = packed_zip.index(b"PK\x01\x02")
    large = packed_zip[large_at : packed_zip.rindex(b"PK\x05\x06")]
    hidden = packed_zip[:large_at] + large
    first = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 2, 2, len(large), large_at)
    body = hidden + first
    begin = len(body)
    with zipfile.ZipFile(io.BytesIO(small)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    tail = io.BytesIO()
    tail.write(body)
    with zipfile.ZipFile(tail, "a") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    whole = tail.getvalue()
    start = whole.index(b"PK\x01\x02", begin)
    end = whole.rindex(b"PK\x05\x06")
    size, num = end - start, len(parts)
    second = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, num, num, size, start)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, len(hidden), 1)
    return whole[:end] + second + locator + whole[end:]


def test_a_file_with_two_directories_is_refused_and_takes_no_memory(tmp_path: Path) -> None:
    data = sealed(two_faced(unsealed(forged()), 300_000_000))
    (tmp_path / "Model.pth").write_bytes(data)
    assert len(data) < 1_000_000
    tracemalloc.start()
    with pytest.raises(ModelFileError, match="not as torch stores them"):
        load_model(tmp_path / "Model.pth")
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()
