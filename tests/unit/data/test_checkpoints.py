"""Where reading goes on is told where it can be, and asking changes nothing."""

from pathlib import Path

import pytest

from lumina_cli.data.checkpoints import MOST_REST, text_checkpoint
from lumina_cli.data.readers.text_files import open_text
from tests.unit.data.reading import write_bytes


@pytest.mark.parametrize(
    ("encoding", "text", "is_told"),
    [
        ("utf-8", "naïve\nжук 日本\n", True),
        ("iso2022_jp", "abc\n日本語 abc\n日本語\n", True),
        ("iso2022_kr", "abc\n한글 abc\n한글\n", False),  # its state takes more bits than there are
        ("punycode", "naïve\nжук 日本\n", False),  # no part of it can be decoded alone
    ],
)
def test_asking_where_a_text_goes_on_harms_nothing_in_any_encoding(
    tmp_path: Path, encoding: str, text: str, is_told: bool
) -> None:
    path = write_bytes(tmp_path / "x.txt", (text * 9).encode(encoding))
    found, states = "", []
    with open_text(path, encoding=encoding) as file:
        while part := file.read(7):
            found += part
            states.append(text_checkpoint(file, rest="", line=1).state())
    assert found == text * 9
    assert all(states) == is_told


def test_a_long_line_that_goes_on_is_not_written_down(tmp_path: Path) -> None:
    with open_text(write_bytes(tmp_path / "x.txt", b"x")) as file:
        assert text_checkpoint(file, rest="x" * MOST_REST, line=1).state()
        assert text_checkpoint(file, rest="x" * (MOST_REST + 1), line=1).state() is None
