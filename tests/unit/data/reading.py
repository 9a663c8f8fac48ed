"""Files written by a test, and what is read of them."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from lumina_cli.conversation import Conversation, Document, PlainText
from lumina_cli.data.config import DataConfig
from lumina_cli.data.documents import Documents
from lumina_cli.data.report import Issues, ReadReport

REPOSITORY = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("LUMINA_TEST_DATA", REPOSITORY.parent / "shared" / "data"))

needs_shared_data = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the shared data is not here (set LUMINA_TEST_DATA to its folder)"
)

HELLO = [("user", "Hello"), ("bot", "Hi!")]
TURNS = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi!"}]

EXAMPLE = [("user", "Hello"), ("bot", "Hi!\nHow are you?")]

EXAMPLE_ROWS: dict[str, list[dict[str, Any]]] = {
    "messages": [
        {
            "messages": [
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": "Hi!\nHow are you?"},
            ]
        }
    ],
    "sharegpt": [
        {
            "conversations": [
                {"from": "human", "value": "Hello"},
                {"from": "gpt", "value": "Hi!\nHow are you?"},
            ]
        }
    ],
    "pairs": [{"user": "Hello", "bot": "Hi!\nHow are you?"}],
    "pairs (completion)": [{"prompt": "Hello", "completion": "Hi!\nHow are you?"}],
    "pairs (response)": [{"prompt": "Hello", "response": "Hi!\nHow are you?", "id": 7}],
    "pairs (output)": [{"input": "Hello", "output": "Hi!\nHow are you?"}],
    "instructions": [{"instruction": "Hello", "input": "", "output": "Hi!\nHow are you?"}],
    "oasst": [
        {"message_id": "2", "parent_id": "1", "text": "Hi!\nHow are you?", "role": "assistant"},
        {"message_id": "1", "parent_id": None, "text": "Hello", "role": "prompter"},
    ],
    "rows in order": [
        {"text": "Hello", "role": "prompter"},
        {"text": "Hi!\nHow are you?", "role": "assistant"},
    ],
}
"""The conversation EXAMPLE in each schema."""

GOOD = '{"user": "hi", "bot": "hello"}\n'

NUM_GOOD = 60

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=30,
)


def read(*paths: Path, **settings: Any) -> tuple[list[Document], ReadReport]:
    """Return the documents of the paths, and the report."""
    documents = Documents(paths, config=DataConfig(**settings))
    return list(documents), documents.report


def said(document: Document) -> list[tuple[str, str]]:
    """Return the roles and texts of a conversation."""
    assert isinstance(document, Conversation)
    return [(message.role, message.text) for message in document.messages]


def plain(documents: Iterable[Document]) -> str:
    """Return the text of plain documents, joined."""
    texts = [document for document in documents if isinstance(document, PlainText)]
    return "".join(document.text for document in texts)


def counts(issues: Issues) -> dict[str, int]:
    """Return how often each issue was met."""
    return {wording: issue.count for wording, issue in issues}


def issues(report: ReadReport) -> dict[str, int]:
    """Return what was left out or noticed, where nothing was skipped."""
    assert report.skipped.total == 0
    return {**counts(report.left_out), **counts(report.notices)}


def write_rows(path: Path, rows: Iterable[Any]) -> Path:
    """Write values as JSON lines."""
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    path.write_text("".join(lines), encoding="utf-8", newline="\n")
    return path


def write_bytes(path: Path, data: bytes) -> Path:
    """Write bytes."""
    path.write_bytes(data)
    return path


def message(name: str, parent: str | None, **fields: Any) -> dict[str, Any]:
    """Return an OASST row; roles alternate by the length of the name, 'a' is a root."""
    role = "prompter" if len(name) % 2 else "assistant"
    row = {"message_id": name, "parent_id": parent, "text": f"text {name}", "role": role}
    return {**row, "lang": "en", **fields}


def among_good_rows(tmp_path: Path, line: str | bytes) -> Path:
    """Write a line after sixty good ones: it is line 61, and may be skipped."""
    data = line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line
    return write_bytes(tmp_path / "rows.jsonl", GOOD.encode() * NUM_GOOD + data + b"\n")


def read_row(folder: Path, row: Any, **settings: Any) -> tuple[Any, ReadReport]:
    [document], report = read(write_rows(folder / "x.jsonl", [row]), **settings)
    return document, report


def as_json_lines(folder: Path, rows: list[Any]) -> Path:
    return write_rows(folder / "x.jsonl", rows)


def as_array(folder: Path, rows: list[Any]) -> Path:
    return write_bytes(folder / "x.json", json.dumps(rows).encode())


def texts(documents: list[Any]) -> list[list[str]]:
    return [[text for _, text in said(document)] for document in documents]


def names(documents: list[Any]) -> list[str]:
    """Each conversation as the name of its last message: 'aba' answers 'ab' answers 'a'."""
    return [said(document)[-1][1].removeprefix("text ") for document in documents]
