"""System prompts beside the messages of a row."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.data.reading import HELLO, TURNS, counts, issues, read, read_row, said, write_rows


@pytest.mark.parametrize("key", ["system", "system_prompt"])
@pytest.mark.parametrize(
    "row",
    [
        {"messages": TURNS},
        {"conversations": [{"from": "human", "value": "Hello"}, {"from": "gpt", "value": "Hi!"}]},
        {"user": "Hello", "bot": "Hi!"},
        {"prompt": "Hello", "response": "Hi!"},
        {"instruction": "Hello", "input": "", "output": "Hi!"},
    ],
    ids=lambda row: next(iter(row)),
)
def test_a_system_prompt_beside_the_turns_is_the_first_of_them(
    tmp_path: Path, row: dict[str, Any], key: str
) -> None:
    document, report = read_row(tmp_path, {key: "Be kind.", **row})
    assert said(document) == [("system", "Be kind."), *HELLO]
    assert issues(report) == {}
    for nothing in ("", "  ", None):
        assert said(read_row(tmp_path, {key: nothing, **row})[0]) == HELLO


def test_a_system_prompt_that_stands_twice_is_said_once(tmp_path: Path) -> None:
    turns = [{"role": "system", "content": "Be kind."}, *TURNS]
    document, _ = read_row(tmp_path, {"system": "Be kind.", "messages": turns})
    assert said(document) == [("system", "Be kind."), *HELLO]
    document, _ = read_row(tmp_path, {"system": "Be brief.", "messages": turns})
    assert said(document)[:2] == [("system", "Be brief."), ("system", "Be kind.")]


def test_a_system_prompt_that_is_no_text_is_counted(tmp_path: Path) -> None:
    rows = [{"user": "a", "bot": "b"}] * 30 + [{"system": 5, "user": "a", "bot": "b"}]
    _, report = read(write_rows(tmp_path / "x.jsonl", rows))
    assert counts(report.skipped) == {"its system is a number, not text": 1}
