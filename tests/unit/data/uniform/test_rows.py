"""Rows of texts by their template, by hand."""

import pytest

from lumina_cli.conversation import Conversation, Document, Message, PlainText
from lumina_cli.data.uniform.rows import UniformRows
from tests.unit.data.uniform.reading_alone import read_alone


def documents_of(rows: list[dict[str, object]]) -> tuple[str, list[Document]] | None:
    found = UniformRows(read_alone).read(rows, tuple(rows[0]))
    return found and (found[0], list(found[1].documents()))


def test_a_pair_is_a_question_and_its_answer() -> None:
    rows: list[dict[str, object]] = [{"user": f"u{n}", "bot": f"b{n}", "id": n} for n in range(2)]
    talks = [Conversation((Message("user", f"u{n}"), Message("bot", f"b{n}"))) for n in range(2)]
    assert documents_of(rows) == ("pairs", talks)


def test_a_context_follows_where_there_is_one() -> None:
    rows: list[dict[str, object]] = [
        {"instruction": "i", "input": context, "output": "o"} for context in ("c", "", " ")
    ]
    found = documents_of(rows)
    assert found
    asked = [each.messages[0].text for each in found[1] if isinstance(each, Conversation)]
    assert asked == ["i\n\nc", "i", "i"]


def test_a_text_is_a_document() -> None:
    assert documents_of([{"text": "a"}, {"text": "b"}]) == (
        "documents",
        [PlainText("a"), PlainText("b")],
    )


@pytest.mark.parametrize(
    "row",
    [
        {"user": "u", "bot": ""},
        {"user": "u", "bot": None},
        {"user": "u", "bot": "b", "notes": "three words here"},
        {"user": "u"},
        {"nothing": "known"},
        {"message_id": "1", "role": "user", "text": "x"},
    ],
    ids=str,
)
def test_other_rows_are_read_one_by_one(row: dict[str, object]) -> None:
    assert documents_of([row, row]) is None
