"""docs/data.md has an example of each export and document, and each is read as it says."""

import re
from pathlib import Path

import pytest

from lumina_cli.conversation import Conversation, Document, PlainText
from tests.unit.data.readers.documents.archives import write_zip
from tests.unit.data.reading import HELLO, REPOSITORY, counts, read, said, write_bytes

PAGE = (REPOSITORY / "docs" / "data.md").read_text(encoding="utf-8")
KINDS = "json|srt|vtt|mbox|html|xml|epub|docx|yaml"
EXAMPLES = re.findall(rf"^```({KINDS})\n(.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)

EXPECTED = [
    ("chatgpt", HELLO, {"a message of a branch that was not gone on with": 1}),
    ("claude", HELLO, {"what the bot thought before it spoke": 1}),
    ("sillytavern", HELLO, {"a reply that was swiped away": 1}),
    ("subtitles", "It was a bright cold day in April.\n", {}),
    ("subtitles", HELLO, {}),
    (
        "mail",
        "Tea at the café, please.\n",
        {"a message that is quoted in its answer": 1, "a signature": 1},
    ),
    (
        "html",
        "Monday\n\nIt rains.\n",
        {"the head of a page: its title and data about it": 1, "a menu": 1},
    ),
    ("xml", "In the beginning\nthere was light.\n", {}),
    ("epub", "Monday\n\nIt rains.\n", {}),
    ("docx", "Monday\nIt rains.\n", {}),
    ("yaml", HELLO, {}),
]


def test_there_is_an_example_of_each() -> None:
    assert len(EXAMPLES) == len(EXPECTED)


@pytest.mark.parametrize("number", range(len(EXPECTED)))
def test_each_example_reads_as_the_page_says(tmp_path: Path, number: int) -> None:
    kind, text = EXAMPLES[number]
    path = tmp_path / "x"
    if kind in ("epub", "docx"):
        members = (line.partition(" ") for line in text.splitlines())
        write_zip(path, {name: content for name, _, content in members})
    else:
        write_bytes(path, text.encode())
    schema, expected, left_out = EXPECTED[number]
    [document], report = read(path)
    assert shown(document) == expected
    assert list(report.formats[path]) == [schema]
    assert counts(report.left_out) == left_out
    assert not report.skipped.total


def shown(document: Document) -> str | list[tuple[str, str]]:
    if isinstance(document, Conversation):
        return said(document)
    assert isinstance(document, PlainText)
    return document.text
