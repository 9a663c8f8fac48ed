"""docs/data.md says what is so."""

import re
from pathlib import Path

import pytest

from lumina_cli.data.chats.registry import FORMATS
from tests.unit.data.reading import REPOSITORY, SHARED, needs_shared_data, read, said, write_bytes

PAGE = (REPOSITORY / "docs" / "data.md").read_text(encoding="utf-8")


FIGURES = re.findall(r"^\| (oasst\S+\.jsonl) \| (\w+) \| (.+) \|$", PAGE, re.MULTILINE)


@needs_shared_data
@pytest.mark.parametrize(("name", "lang", "cells"), FIGURES)
def test_the_figures_of_paths_are_those_that_reading_gives(
    name: str, lang: str, cells: str
) -> None:
    found = []
    for paths in ("best", "top-3", "all"):
        _, report = read(SHARED / "oasst" / name, oasst_lang=lang, oasst_paths=paths)
        found.append(f"{report.conversations:,}, {report.messages.total():,}")
    assert " | ".join(found) == cells


TABLES = re.findall(r"^```csv\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)


EXAMPLES = re.findall(r"^```\n([\[{<].+?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_there_are_figures_and_examples() -> None:
    assert len(FIGURES) == 5
    assert len(EXAMPLES) == 13
    assert len(TABLES) == 1


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_reads_as_a_whole(tmp_path: Path, example: str) -> None:
    documents, report = read(write_bytes(tmp_path / "x", example.encode()))
    assert report.skipped.total == 0
    assert documents
    if "<|user|>" in example:
        num_turns = [4, 2] if "<|user|>Hello" in example else [2, 2]
        assert [len(said(document)) for document in documents] == num_turns


def test_the_table_reads_as_a_whole(tmp_path: Path) -> None:
    [document], _ = read(write_bytes(tmp_path / "x.csv", TABLES[0].encode()))
    assert said(document) == [("user", "Hello, you"), ("bot", 'She said "Hi!"')]


def test_the_example_of_columns_reads_as_it_says(tmp_path: Path) -> None:
    found = re.search(r"`--columns (\S+)`\s+reads `(.+?)` as a question and its answer", PAGE)
    assert found
    [document], _ = read(write_bytes(tmp_path / "x", found[2].encode()), columns=found[1])
    assert said(document) == [("user", "Hello"), ("bot", "Hi!")]


CHATS = re.findall(
    r"^```(whatsapp|telegram|discord|slack|messenger|signal|line|kakaotalk|qq|wechat|zoom|imessage"
    r"|transcript)\n(.+?)^```$",
    PAGE,
    re.MULTILINE | re.DOTALL,
)


def test_every_program_has_an_example() -> None:
    among_documents = {"subtitles with speakers"}
    assert {name for name, _ in CHATS} == FORMATS - among_documents
    assert len(CHATS) == 18


@pytest.mark.parametrize(("name", "example"), CHATS)
def test_each_example_of_a_chat_is_the_same_conversation(
    tmp_path: Path, name: str, example: str
) -> None:
    documents, report = read(write_bytes(tmp_path / "x", example.encode()), bot="Ben")
    assert said(documents[0]) == [
        ("user", "Hello"),
        ("bot", "Hi! A message may have\nseveral lines."),
    ]
    assert list(*report.formats.values()) == [name]
    assert report.skipped.total + report.left_out.total == 0
