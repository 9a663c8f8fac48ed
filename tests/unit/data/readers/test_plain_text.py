"""Plain text comes in exactly as it is, but for its line ends."""

from pathlib import Path

import pytest

from lumina_cli.conversation import PlainText
from lumina_cli.errors import MissingInputError
from tests.unit.data.reading import plain, read, write_bytes


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("\ufeffat the start".encode(), "at the start"),
        ("in the \ufeffmiddle".encode(), "in the \ufeffmiddle"),
        (b"dos\r\nlines\r\n", "dos\nlines\n"),
        (b"old\rmac\r", "old\nmac\n"),
        (b"mixed\r\r\nends\n\r", "mixed\n\nends\n\n"),
        (b"no end", "no end"),
        (b"a NUL \x00 in text, and more text", "a NUL \x00 in text, and more text"),
        (
            "one\u2028two\u0085three\x1cfour\x0bfive".encode(),
            "one\u2028two\u0085three\x1cfour\x0bfive",
        ),
        ("\ufdd0\uffff\U0010ffff\ue000".encode(), "\ufdd0\uffff\U0010ffff\ue000"),
        (b"ANSI \x1b[31mred\x1b[0m", "ANSI \x1b[31mred\x1b[0m"),
        ("e\u0301 é".encode(), "e\u0301 é"),
        ("👨‍👩‍👧 \u202eevil".encode(), "👨‍👩‍👧 \u202eevil"),
        (("o" + "\u0301" * 10_000).encode(), "o" + "\u0301" * 10_000),
    ],
)
def test_plain_text_comes_in_exactly_but_for_line_ends(
    tmp_path: Path, data: bytes, expected: str
) -> None:
    assert plain(read(write_bytes(tmp_path / "x.txt", data))[0]) == expected


def test_three_million_blanks_are_no_text(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="holds no text"):
        read(write_bytes(tmp_path / "x.txt", b" " * 3_000_000))


def test_seventy_thousand_distinct_characters_come_through(tmp_path: Path) -> None:
    text = "".join(map(chr, [*range(0x4E00, 0xA000), *range(0x20000, 0x2C350)]))
    assert len(text) > 70_000
    assert plain(read(write_bytes(tmp_path / "x.txt", text.encode()))[0]) == text


def test_one_character_ten_million_times_comes_through(tmp_path: Path) -> None:
    documents, report = read(write_bytes(tmp_path / "x.txt", b"a" * 10_000_000))
    assert plain(documents) == "a" * 10_000_000
    assert report.texts == 1
    assert [(part.starts, part.ends) for part in documents if isinstance(part, PlainText)] == [
        (True, False),
        *[(False, False)] * (len(documents) - 2),
        (False, True),
    ]


@pytest.mark.parametrize(("name", "told"), [("x.log", 1), ("x.txt", 0), ("x", 0), ("x.md", 0)])
def test_a_file_with_another_ending_is_text_and_that_is_told(
    tmp_path: Path, name: str, told: int
) -> None:
    path = write_bytes(tmp_path / name, b"<verse>In the beginning</verse>")
    documents, report = read(path)
    assert plain(documents) == "<verse>In the beginning</verse>"
    assert report.notices.total == told
    assert read(path, format="text")[1].notices.total == 0
