"""Files that are read whole: regular, and no larger than they may be."""

import os
import socket
from pathlib import Path

import pytest

from lumina_cli.io.regular_file import open_regular, read_whole

posix = pytest.mark.skipif(os.name != "posix", reason="named pipes and devices of POSIX")


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"a\r\n\x00\xff")
    assert read_whole(tmp_path / "x") == b"a\r\n\x00\xff"
    with open_regular(tmp_path / "x") as file:
        assert file.read(2) == b"a\r"


@pytest.mark.parametrize("size", [9, 10, 11])
def test_a_file_may_hold_no_more_than_its_bound(tmp_path: Path, size: int) -> None:
    (tmp_path / "x").write_bytes(b"a" * size)
    if size <= 10:
        assert len(read_whole(tmp_path / "x", max_bytes=10)) == size
    else:
        with pytest.raises(OSError, match="more than 10 bytes"):
            read_whole(tmp_path / "x", max_bytes=10)


@posix
def test_what_is_no_file_is_refused_without_a_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        for path, kind in [
            (tmp_path / "pipe", "a named pipe"),
            (tmp_path / "socket", "a socket"),
            (Path("/dev/zero"), "a device"),
            (tmp_path, "a folder"),
        ]:
            with pytest.raises(OSError, match=f"it is {kind}, not a file"):
                read_whole(path)


@pytest.mark.skipif(not Path("/proc/self/pagemap").exists(), reason="a file of Linux")
def test_a_file_that_says_it_is_empty_and_does_not_end_is_bounded() -> None:
    with pytest.raises(OSError, match="more than 1,000 bytes"):
        read_whole(Path("/proc/self/pagemap"), max_bytes=1000)


@posix
@pytest.mark.parametrize("whole", [True, False])
def test_a_file_that_would_let_a_reader_wait_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    reader, writer = os.pipe()  # /proc/kmsg says that it is a file, and has nothing to read
    os.set_blocking(reader, False)
    (tmp_path / "x").touch()
    found = (tmp_path / "x").stat()
    monkeypatch.setattr(os, "open", lambda *_, **__: reader)
    monkeypatch.setattr(os, "fstat", lambda _: found)
    with open_regular(tmp_path / "x") as file, pytest.raises(BlockingIOError, match="nothing"):
        file.read() if whole else file.read(10)
    os.close(writer)
