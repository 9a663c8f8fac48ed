"""What kind of file it is."""

from pathlib import Path

import pytest

from tests.unit.data.reading import EXAMPLE_ROWS, as_json_lines, plain, read, write_bytes


@pytest.mark.parametrize(
    "text",
    [
        '"Well, Prince," she said.\nAnd so on.',
        '"A whole line in quotes."\nAnother line.',
        "[Enter GHOST]\nWho's there?",
        "{curly} beginnings\n",
        "1984\nwas a year",
        "null\n",
        "[[Wiki]] text",
        "  <|user|> not at the beginning of a line",
        "PAR1 is not always parquet",
        "Hello\n<|user|>in the middle",
    ],
)
def test_prose_is_prose_however_it_begins(tmp_path: Path, text: str) -> None:
    assert plain(read(write_bytes(tmp_path / "x.txt", text.encode()))[0]) == text


def test_a_forced_plain_text_is_taken_as_it_is(tmp_path: Path) -> None:
    path = as_json_lines(tmp_path, EXAMPLE_ROWS["pairs"])
    assert plain(read(path, format="text")[0]) == path.read_text(encoding="utf-8")
