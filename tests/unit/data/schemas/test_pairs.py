"""Rows with a question and an answer."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.data.reading import HELLO, TURNS, counts, issues, read_row, said


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("question", "answer"),
        ("question", "response"),
        ("query", "response"),
        ("human", "assistant"),
        ("prompt", "answer"),
        ("user", "assistant"),
        ("prompt", "chosen"),
        ("instruction", "response"),
        ("input", "output"),
    ],
)
def test_pairs_have_many_names(tmp_path: Path, asked: str, answered: str) -> None:
    assert said(read_row(tmp_path, {answered: "Hi!", asked: "Hello"})[0]) == HELLO


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": TURNS[:1], "completion": TURNS[1:]},
        {"prompt": TURNS[:1], "chosen": TURNS[1:]},
        {"prompt": "Hello", "chosen": TURNS},
        {"prompt": "Hello", "completion": TURNS[1:]},
        {"prompt": TURNS[:1], "chosen": TURNS},
        {"chosen": TURNS},
    ],
    ids=str,
)
def test_pairs_may_be_lists_of_messages(tmp_path: Path, row: dict[str, Any]) -> None:
    document, report = read_row(tmp_path, row)
    assert said(document) == HELLO
    assert issues(report) == {}


@pytest.mark.parametrize("asked", ["### bot:", "### Human:### Assistant: no", "\n\nHuman:"])
def test_marks_without_words_are_words(tmp_path: Path, asked: str) -> None:
    document, report = read_row(tmp_path, {"user": asked, "bot": "b"})
    assert said(document) == [("user", asked), ("bot", "b")]
    assert report.skipped.total == 0


def test_of_answers_that_are_objects_the_first_text_is_read(tmp_path: Path) -> None:
    answers = [{"text": "Hi!", "score": 3}, {"text": "Hey."}]
    document, report = read_row(tmp_path, {"question": "Hello", "answers": answers})
    assert said(document) == HELLO
    assert counts(report.left_out) == {"of a list of answers the first is read": 1}
