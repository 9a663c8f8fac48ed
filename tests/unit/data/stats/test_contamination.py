"""The same file on both sides is found, under any name."""

import os
from pathlib import Path

import pytest

from lumina_cli.data.stats.contamination import files_in_both
from tests.unit.data.reading import write_bytes


def test_a_file_is_found_by_its_path_its_link_and_its_content(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "a.txt", b"hello")
    copy = write_bytes(tmp_path / "b.txt", b"hello")
    other = write_bytes(tmp_path / "c.txt", b"hallo")
    longer = write_bytes(tmp_path / "d.txt", b"hello!")
    assert files_in_both([path], [path]) == [path]
    assert files_in_both([path], [copy, other, longer]) == [copy]
    assert files_in_both([path], [other, longer]) == []
    assert files_in_both([tmp_path], [other]) == [other]


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_a_link_is_the_file(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "a.txt", b"hello")
    (tmp_path / "link.txt").symlink_to(path)
    assert files_in_both([path], [tmp_path / "link.txt"]) == [tmp_path / "link.txt"]
