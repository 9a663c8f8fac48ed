"""Text under keys that no schema reads."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.data.reading import TURNS, issues, read, read_row, write_rows


@pytest.mark.parametrize(
    ("row", "key"),
    [
        ({"user": "a", "bot": "b", "thoughts": "first I look at it"}, "thoughts"),
        ({"user": "a", "bot": "b", "past": [["Hello", "and what is it"]]}, "past"),
        ({"user": "a", "bot": "b", "past": [[], {}, {"q": {"a": "what it was"}}]}, "past"),
        ({"user": "a", "bot": "b", "past": [{"id": 1}, {"say": "what it was"}]}, "past"),
        ({"user": "a", "bot": "b", "more": {"id": "a b c", "note": "what it was"}}, "more"),
        ({"messages": TURNS, "summary": "They say hello to each other."}, "summary"),
        ({"text": "a b c", "explanation": "这是一个很长的解释文字"}, "explanation"),
        ({"prompt": "a", "chosen": "b", "rejected": "this was the worse one"}, "rejected"),
        ({"instruction": "a", "output": "b", "history": {"then": "what it was"}}, "history"),
        (
            {
                "messages": [
                    {"role": "user", "content": "a"},
                    {"role": "bot", "content": "b", "reasoning": "well, let me see"},
                ]
            },
            "reasoning",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_text_under_a_key_that_is_not_read_is_told_with_its_location(
    tmp_path: Path, row: dict[str, Any], key: str
) -> None:
    path = write_rows(tmp_path / "x.jsonl", [{"user": "a", "bot": "b"}, row, row])
    _, report = read(path)
    [(wording, issue)] = list(report.notices)
    assert f"'{key}'" in wording
    assert (issue.count, str(issue.first)) == (2, f"{path}:2")


@pytest.mark.parametrize(
    "beside",
    [
        {"id": "a long id of it"},
        {"conversation_id": "1 2 3 4"},
        {"score": 0.5, "tokens": [1, 2, 3]},
        {"lang": "English of the north", "source": "a page on the net"},
        {"model": "a model of some kind", "created_at": "on some late day"},
        {"hash": "d41d8cd98f00b204e9800998ecf8427e", "short": "yes"},
        {"meta": {"note": "a long text in it"}},
        {"empty": "", "none": None, "blank": "    "},
    ],
    ids=str,
)
def test_metadata_of_a_row_is_not_told(tmp_path: Path, beside: dict[str, Any]) -> None:
    assert issues(read_row(tmp_path, {"user": "a", "bot": "b", **beside})[1]) == {}


def test_rows_with_ever_new_keys_take_few_issues(tmp_path: Path) -> None:
    rows = [{"user": "a", "bot": "b", f"key {n}": "some words of text"} for n in range(500)]
    _, report = read(write_rows(tmp_path / "x.jsonl", rows))
    assert len(list(report.notices)) < 50
    assert report.notices.total == 500
