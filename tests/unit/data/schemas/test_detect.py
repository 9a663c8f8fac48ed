"""The keys of a row tell its schema."""

from pathlib import Path
from typing import Any, get_args

import pytest

from lumina_cli.conversation import PlainText
from lumina_cli.data.config import Format
from lumina_cli.data.report import Location, ReadReport
from lumina_cli.data.rows import BadRow, RowNotes
from lumina_cli.data.schemas.detect import COLUMNS, SCHEMAS, detect_schema, document_of
from tests.unit.data.reading import HELLO, TURNS, counts, message, read, said, write_rows


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"messages": TURNS}, "messages"),
        ({"dialog": TURNS}, "messages"),
        (TURNS, "messages"),
        (["a", "b"], "messages"),
        ({"conversations": []}, "sharegpt"),
        (message("a", None), "oasst"),
        ({"role": "user", "content": "a"}, "oasst"),
        ({"prompt": {"text": "a"}}, "oasst"),
        ({"instruction": "a", "input": "b", "output": "c"}, "instructions"),
        ({"prompt": "a", "completion": "b"}, "pairs"),
        ({"question": "a", "answer": "b", "context": "c"}, "pairs"),
        ({"chosen": TURNS}, "pairs"),
        ({"chosen": "\n\nHuman: a\n\nAssistant: b"}, "transcripts"),
        ({"text": "### Human: a### Assistant: b"}, "transcripts"),
        ({"text": "a"}, "documents"),
        ({"story": "a"}, "documents"),
        ("a", "documents"),
    ],
    ids=str,
)
def test_a_row_is_known_by_its_keys(row: object, name: str) -> None:
    assert detect_schema(row) == name


@pytest.mark.parametrize("row", [{}, {"title": "a"}, [], ["a"], ["a", 1], [1], None, 5, True])
def test_another_row_is_refused_with_what_it_holds(row: object) -> None:
    with pytest.raises(BadRow) as caught:
        detect_schema(row)
    assert caught.value.example


def test_each_schema_can_be_asked_for_by_its_name() -> None:
    assert set(SCHEMAS) <= set(get_args(Format))


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_a_schema_reads_is_loaded_from_a_table(name: str) -> None:
    assert SCHEMAS[name].keys <= COLUMNS


@pytest.mark.parametrize("name", [name for name, schema in SCHEMAS.items() if schema.parse])
@pytest.mark.parametrize("row", [{}, {"title": "a"}, [], None, 5])
def test_a_schema_that_is_forced_upon_a_row_refuses_it(name: str, row: Any) -> None:
    with pytest.raises(BadRow):
        document_of(row, schema=name, notes=RowNotes(ReadReport(), Location(Path("x"))))


def test_the_rest_of_a_row_is_reported_unless_it_repeats_what_was_read() -> None:
    report = ReadReport()
    row = {"text": "it was a cold day", "copy": "it was a cold day", "other": "it was a warm one"}
    document = document_of(row, schema="documents", notes=RowNotes(report, Location(Path("x"), 2)))
    assert document == PlainText("it was a cold day")
    assert [wording for wording, _ in report.notices] == [
        "there is text under 'copy', which is not read",
        "there is text under 'other', which is not read",
    ]


LIKED = {
    # as KTO has its preferences, and as programs for it write them
    "a pair": {"prompt": "Hello", "completion": "Hi!", "label": True},
    "lists of messages": {"prompt": TURNS[:1], "completion": TURNS[1:], "label": True},
    "a conversation": {"messages": TURNS, "label": True},
    "by another key": {"instruction": "Hello", "output": "Hi!", "kto_tag": True},
    "keys in any case": {"Prompt": "Hello", "Completion": "Hi!", "Label": True},
    "a cell of a table": {"prompt": "Hello", "completion": "Hi!", "label": "True"},
}


@pytest.mark.parametrize("name", LIKED)
@pytest.mark.parametrize("settings", [{}, {"columns": "question=prompt,answer=completion"}])
def test_an_answer_that_was_turned_down_is_not_learnt(
    tmp_path: Path, name: str, settings: dict[str, str]
) -> None:
    liked = LIKED[name]
    if settings and "prompt" not in liked:
        return
    verdict = next(key for key in liked if key.lower() in ("label", "kto_tag"))
    disliked = {**liked, verdict: str(False) if liked[verdict] == "True" else False}
    rows = ([liked] * 3 + [disliked] * 2) * 20
    documents, report = read(write_rows(tmp_path / "x.jsonl", rows), **settings)
    assert [said(each) for each in documents] == [HELLO] * 60
    assert counts(report.left_out) == {"an answer that was turned down (its label is false)": 40}


def test_a_label_of_a_text_is_no_verdict(tmp_path: Path) -> None:
    documents, _ = read(write_rows(tmp_path / "x.jsonl", [{"text": "A text.", "label": False}]))
    assert documents == [PlainText("A text.")]
