"""Texts with a mark before each turn."""

from pathlib import Path
from typing import Any

import pytest

from lumina_cli.conversation import Conversation, PlainText
from tests.unit.data.reading import HELLO, read_row, said


@pytest.mark.parametrize(
    "row",
    [
        {"chosen": "\n\nHuman: Hello\n\nAssistant: Hi!"},
        {"prompt": "\n\nHuman: Hello\n\nAssistant:", "completion": " Hi!"},
        {"text": "### Human: Hello### Assistant: Hi!"},
        {"text": "### Human: Hello\n### Assistant: Hi!\n"},
        {"text": "\n\nHuman: Hello\n\nAssistant: Hi!"},
    ],
    ids=str,
)
def test_transcripts_are_conversations(tmp_path: Path, row: dict[str, Any]) -> None:
    document, _ = read_row(tmp_path, row)
    assert [(role, text.strip()) for role, text in said(document)] == HELLO


def test_a_transcript_has_as_many_turns_as_it_has_marks(tmp_path: Path) -> None:
    text = "\n\nHuman: a\n\nb\n\nAssistant: c: d\n\nHuman: e\n\nAssistant: f"
    document, _ = read_row(tmp_path, {"chosen": text, "rejected": ""})
    turns = [("user", "a\n\nb"), ("bot", "c: d"), ("user", "e"), ("bot", "f")]
    assert said(document) == turns


@pytest.mark.parametrize(
    "text",
    [
        "Human: nature is odd.",
        "They said: ### Human: x",
        "### Human:",
        "### Bot:",
        "### Human: ### Assistant: Hi",
        "### Human: Hello ### Assistant:",
    ],
)
def test_prose_is_no_transcript(tmp_path: Path, text: str) -> None:
    assert read_row(tmp_path, {"text": text})[0] == PlainText(text)


@pytest.mark.parametrize("mark", ["### Human: a", "\n\nHuman: a"])
def test_a_transcript_full_of_blanks_is_read_at_once(tmp_path: Path, mark: str) -> None:
    text = f"{mark}{' ' * 300_000}b{mark.replace('Human', 'Assistant')}"
    document, _ = read_row(tmp_path, {"text": text})
    assert said(document) == [("user", f"a{' ' * 300_000}b"), ("bot", "a")]


def test_a_transcript_is_a_document_where_one_is_asked_for(tmp_path: Path) -> None:
    row = {"text": "### Human: Hello### Assistant: Hi!"}
    assert isinstance(read_row(tmp_path, row, format="documents")[0], PlainText)
    assert isinstance(read_row(tmp_path, row, format="transcripts")[0], Conversation)
