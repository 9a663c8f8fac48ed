"""Text files: unpacked and decoded strictly, a fault told with its line and byte."""

import gzip
import os
import tracemalloc
import zlib
from pathlib import Path

import pytest

from lumina_cli.data.config import DataConfig
from lumina_cli.data.documents import Documents
from lumina_cli.data.readers.text_files import open_text
from lumina_cli.errors import DataError
from tests.unit.data.reading import GOOD, NUM_GOOD, among_good_rows, plain, read, write_bytes


@pytest.mark.parametrize(
    ("data", "line", "byte"),
    [
        (b"good\nbad \xff here\n", 2, 10),
        (b"overlong \xc0\xaf\n", 1, 10),
        (b"a surrogate \xed\xa0\x80 in UTF-8", 1, 13),
        (b"\r\rthird line \xe9\n", 3, 14),
        (b"\r\n\r\nthird \xe9t\xe9\n", 3, 11),
        (b"beyond unicode \xf5\x80\x80\x80", 1, 16),
        (b"cut inside a character \xe2\x82", 1, 24),
        ("ä".encode() * 40_000 + b"\n" + b"x" * 70_000 + b"\xe9", 2, 150_002),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_bytes_that_are_not_utf8_are_refused_with_line_and_byte(
    tmp_path: Path, data: bytes, line: int, byte: int, packed: bool
) -> None:
    path = write_bytes(tmp_path / "x.txt", gzip.compress(data) if packed else data)
    with pytest.raises(DataError, match=rf"x\.txt:{line} is not utf-8: byte {byte} is 0x"):
        read(path)


def test_rows_that_are_not_utf8_are_refused_with_line_and_byte(tmp_path: Path) -> None:
    path = among_good_rows(tmp_path, '{"text": "café"}'.encode("latin-1"))
    byte = NUM_GOOD * len(GOOD) + len('{"text": "caf') + 1
    with pytest.raises(DataError, match=rf"rows\.jsonl:61 is not utf-8: byte {byte} is 0xe9"):
        read(path)


def test_a_gzip_bomb_is_refused_in_little_memory(tmp_path: Path) -> None:
    packer = zlib.compressobj(9, wbits=31)
    letters = b"a" * (1 << 20)
    with (tmp_path / "bomb.txt.gz").open("wb") as file:
        for _ in range(300):
            file.write(packer.compress(letters))
        file.write(packer.flush())
    tracemalloc.start()
    with pytest.raises(DataError, match="unpacks to far more than text does"):
        for _ in Documents([tmp_path / "bomb.txt.gz"], config=DataConfig()):
            pass
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 50_000_000


@pytest.mark.parametrize("keep", [12, 30, -9, -4, -1])
def test_a_truncated_gzip_file_is_refused(tmp_path: Path, keep: int) -> None:
    data = gzip.compress(os.urandom(500).hex().encode())
    with pytest.raises(DataError, match="ends too early"):
        read(write_bytes(tmp_path / "x.txt.gz", data[:keep]))


def test_a_damaged_gzip_file_is_refused(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(os.urandom(500).hex().encode()))
    data[100] ^= 0xFF
    with pytest.raises(DataError):
        read(write_bytes(tmp_path / "x.txt.gz", bytes(data)))
    with pytest.raises(DataError):
        read(write_bytes(tmp_path / "y.txt.gz", gzip.compress(b"hello") + b"garbage"))


def test_gzip_is_known_by_its_content_and_twice_packed_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress(b"hello")
    assert plain(read(write_bytes(tmp_path / "x.txt", packed))[0]) == "hello"
    assert plain(read(write_bytes(tmp_path / "two.gz", packed + packed))[0]) == "hellohello"
    with pytest.raises(DataError, match="a gzip file inside another"):
        read(write_bytes(tmp_path / "y.gz", gzip.compress(packed)))


@pytest.mark.parametrize(
    "encoding",
    [
        "utf-8",
        "utf8",
        "U8",
        "utf-8-sig",
        "utf-16",
        "utf-16-le",
        "UTF_16_BE",
        "utf-32-le",
        "gb18030",
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_one_bom_at_the_start_is_dropped_in_every_encoding(
    tmp_path: Path, encoding: str, packed: bool
) -> None:
    has_own = encoding in ("utf-8-sig", "utf-16")
    data = ("Käse\n" if has_own else "\ufeffKäse\n").encode(encoding)
    path = write_bytes(tmp_path / "x.txt", gzip.compress(data) if packed else data)
    with open_text(path, encoding=encoding) as text:
        assert text.read() == "Käse\n"
