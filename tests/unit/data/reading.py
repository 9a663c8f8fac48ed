"""Files written by a test, and what is read of them."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from lumina_cli.conversation import Conversation, Document, PlainText
from lumina_cli.data.config import DataConfig
from lumina_cli.data.documents import Documents
from lumina_cli.data.report import Issues, ReadReport

REPOSITORY = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("LUMINA_TEST_DATA", REPOSITORY.parent / "shared" / "data"))

needs_shared_data = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the shared data is not here (set LUMINA_TEST_DATA to its folder)"
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


def counts(remarks: Issues) -> dict[str, int]:
    """Return how often each remark was made."""
    return {wording: tally.count for wording, tally in remarks}


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
