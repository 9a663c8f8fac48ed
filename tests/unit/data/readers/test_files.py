"""Which files are read, and which are refused without a wait."""

import os
import sys
from pathlib import Path

import pytest

from lumina_cli.errors import DataError, MissingInputError
from tests.unit.data.reading import counts, plain, read, write_bytes


def test_a_missing_path_is_missing_input(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="is not there"):
        read(tmp_path / "gone.txt")


posix = pytest.mark.skipif(os.name != "posix", reason="this kind of file is POSIX only")


@pytest.mark.parametrize("name", ["-rf", "a\nb.txt", "tab\t.txt", "[bold].txt", "ü 😀.txt"])
@posix
def test_any_name_is_a_name(tmp_path: Path, name: str) -> None:
    path = write_bytes(tmp_path / name, b"hello")
    assert plain(read(path)[0]) == "hello"


@posix
def test_a_name_that_is_no_unicode_is_a_name(tmp_path: Path) -> None:
    if sys.platform == "darwin":
        pytest.skip("this file system takes Unicode names only")
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.txt"))
    path.write_bytes(b"bad \xff")
    with pytest.raises(DataError, match="is not utf-8"):
        read(path)


def test_a_name_with_a_nul_is_missing_input() -> None:
    with pytest.raises(MissingInputError):
        read(Path("nul\0name"))


def test_a_name_that_is_too_long_is_missing_input(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError):
        read(tmp_path / ("x" * 5000))


def test_a_file_as_a_folder_is_missing_input(tmp_path: Path) -> None:
    write_bytes(tmp_path / "x.txt", b"hello")
    with pytest.raises(MissingInputError):
        read(tmp_path / "x.txt" / "y.txt")


@posix
def test_a_named_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(DataError, match="is a named pipe"):
        read(tmp_path / "pipe.txt")
    write_bytes(tmp_path / "good.txt", b"hello")
    documents, report = read(tmp_path)
    assert plain(documents) == "hello"
    assert counts(report.notices) == {"a file of the folder can't be read": 1}


@posix
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/stdin"])
def test_a_device_is_refused(device: str) -> None:
    if not Path(device).is_char_device():
        pytest.skip(f"{device} is no device here")
    with pytest.raises(DataError, match="is a device"):
        read(Path(device))


@posix
def test_links_are_followed_to_files_and_refused_in_circles(tmp_path: Path) -> None:
    good = write_bytes(tmp_path / "good.txt", b"hello")
    (tmp_path / "link.txt").symlink_to(good)
    (tmp_path / "loop.txt").symlink_to(tmp_path / "loop.txt")
    (tmp_path / "dangling.txt").symlink_to(tmp_path / "gone")
    (tmp_path / "up").symlink_to(tmp_path)
    assert plain(read(tmp_path / "link.txt")[0]) == "hello"
    with pytest.raises(MissingInputError, match="leads back to itself"):
        read(tmp_path / "loop.txt")
    with pytest.raises(MissingInputError, match="is a link to nothing"):
        read(tmp_path / "dangling.txt")
    documents, report = read(tmp_path)
    assert plain(documents) == "hello"
    assert counts(report.notices) == {
        "a file of the folder can't be read": 2,
        "a link to a folder is not followed": 1,
        "the same file is named twice; it is read once": 1,
    }


@posix
def test_a_file_without_permission_is_missing_input(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "x.txt", b"hello")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(MissingInputError, match="no permission"):
        read(path)


def test_a_folder_without_data_is_missing_input(tmp_path: Path) -> None:
    write_bytes(tmp_path / "picture.png", b"x")
    write_bytes(tmp_path / ".hidden.txt", b"x")
    with pytest.raises(MissingInputError, match="holds no file to read"):
        read(tmp_path)


def test_a_folder_is_read_whole_in_the_order_of_names(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    write_bytes(tmp_path / "b" / "2.txt", b"two ")
    write_bytes(tmp_path / "a.txt", b"one ")
    write_bytes(tmp_path / "README.md", b"about")
    write_bytes(tmp_path / "b" / "notes.xyz", b"not read")
    documents, report = read(tmp_path)
    assert plain(documents) == "one two "
    assert [(issue.count, issue.example) for _, issue in report.notices] == [(1, ".xyz")]
