"""Which file is a chat, and what is none."""

import json
from pathlib import Path

import pytest

from lumina_cli.data.chats.registry import FORMATS, find_messages, is_chat
from lumina_cli.data.config import DataConfig
from tests.unit.data.reading import EXAMPLE_ROWS, SHARED, needs_shared_data, write_bytes


@pytest.mark.parametrize("schema", EXAMPLE_ROWS)
def test_rows_of_other_formats_are_no_chats(schema: str) -> None:
    rows = EXAMPLE_ROWS[schema]
    as_lines = "".join(json.dumps(row) + "\n" for row in rows)
    for text in (as_lines, json.dumps(rows), json.dumps({"data": rows})):
        assert find_messages(text, path=Path("x.json")) is None


def test_other_files_are_no_chats(tmp_path: Path) -> None:
    config = DataConfig()
    for name, data in {
        "x.parquet": b"PAR1\xff\xfe",
        "x.txt": b"\xff\xfe\x00",
        "x.csv": b"user,bot\nHi,Ho\n",
        "tagged.txt": b"<|user|>Hi\n<|bot|>Ho\n",
        "empty.json": b"",
    }.items():
        assert not is_chat(write_bytes(tmp_path / name, data), config=config)


@needs_shared_data
def test_no_file_of_real_text_is_taken_for_a_chat() -> None:
    folders = ("text", "lang", "unicode", "code", "dialogue")
    files = [path for name in folders for path in (SHARED / name).rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if is_chat(path, config=DataConfig())] == []


def test_formats_have_the_names_of_the_programs() -> None:
    assert {"whatsapp", "telegram", "discord", "slack", "messenger", "signal"} < FORMATS
