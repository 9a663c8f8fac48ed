"""Replies as a person would have them."""

import json
import os
from pathlib import Path

import pytest

from lumina_cli.chat.taught import keep_taught
from lumina_cli.conversation import Conversation, Message
from lumina_cli.data.config import DataConfig
from lumina_cli.errors import OutputError
from lumina_cli.recipes.data.sources import open_source

SAID = [
    Message("system", "Be brief."),
    Message("user", "Who are you?"),
    Message("bot", "Ein Kätzchen\n"),
]


def test_each_is_a_line_that_finetune_reads_as_it_was_said(tmp_path: Path) -> None:
    path = tmp_path / "taught.jsonl"
    keep_taught(path, SAID)
    keep_taught(path, [Message("user", "Hi"), Message("bot", "Meow")])
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2
    documents = list(open_source([path], config=DataConfig()).read())
    assert all(isinstance(document, Conversation) for document in documents)
    first, second = documents
    assert [(m.role, m.text) for m in first.messages] == [
        ("system", "Be brief."),
        ("user", "Who are you?"),
        ("bot", "Ein Kätzchen\n"),
    ]
    assert [m.text for m in second.messages] == ["Hi", "Meow"]


def test_other_programs_find_the_roles_they_know(tmp_path: Path) -> None:
    keep_taught(tmp_path / "t.jsonl", SAID)
    row = json.loads((tmp_path / "t.jsonl").read_text(encoding="utf-8"))
    assert [m["role"] for m in row["messages"]] == ["system", "user", "assistant"]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="can't be written"):
        keep_taught(tmp_path / "nowhere" / "t.jsonl", SAID)


def test_a_line_without_an_end_is_ended_first(tmp_path: Path) -> None:
    path = tmp_path / "taught.jsonl"
    path.write_text('{"messages": []}', encoding="utf-8")
    keep_taught(path, SAID)
    assert len([*map(json.loads, path.read_text(encoding="utf-8").splitlines())]) == 2


@pytest.mark.skipif(os.name == "nt", reason="links and pipes of POSIX")
@pytest.mark.parametrize("kind", ["a link", "a link to nothing", "a named pipe", "a folder"])
def test_what_stands_there_in_its_place_is_left_alone(tmp_path: Path, kind: str) -> None:
    mine, path = tmp_path / "mine.txt", tmp_path / "taught.jsonl"
    match kind:
        case "a link":
            mine.write_text("mine", encoding="utf-8")
            path.symlink_to(mine)
        case "a link to nothing":
            path.symlink_to(mine)
        case "a named pipe":
            os.mkfifo(path)
        case _:
            path.mkdir()
    with pytest.raises(OutputError, match=kind.removesuffix(" to nothing")):
        keep_taught(path, SAID)
    assert not mine.exists() or mine.read_text(encoding="utf-8") == "mine"
