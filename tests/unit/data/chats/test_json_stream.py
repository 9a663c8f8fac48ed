"""JSON exports, one message at a time."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.data.chats import json_stream
from lumina_cli.data.chats.json_stream import Item, items
from lumina_cli.data.report import ReadReport
from tests.unit.data.reading import JSON, counts

PATH = Path("x.json")


def walked(text: str, report: ReadReport | None = None) -> list[Item]:
    return list(items(io.StringIO(text), path=PATH, report=report or ReadReport()))


def test_scalars_come_with_their_keys_and_messages_whole() -> None:
    text = '{"a": 1, "b": {"c": "x"},\n "list": [{"name": "n", "messages": [{"d": [2]},\n 3]}]}'
    assert walked(text) == [
        (("a",), 1, 1),
        (("b", "c"), "x", 1),
        (("list", "name"), "n", 2),
        (("list", "messages"), {"d": [2]}, 2),
        (("list", "messages"), 3, 3),
    ]


@given(st.lists(JSON, max_size=8), st.integers(min_value=1, max_value=40))
def test_elements_are_what_json_loads_gives_however_the_file_is_cut(
    values: list[Any], chunk: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "CHUNK_CHARS", chunk)
        for text in (json.dumps(values), json.dumps(values, indent=1, ensure_ascii=False)):
            assert [item.value for item in walked(text)] == values
            assert [item.value for item in walked(f'{{"messages": {text}}}')] == values


@given(st.text(alphabet='{}[]",:\\ 1x\n', max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    walked(text)
    walked('{"messages": [' + text)


def test_a_damaged_element_is_counted_with_its_line() -> None:
    report = ReadReport()
    found = walked('{"messages": [{"a": 1},\n{"a": oops},\n{"a": "]"}]}', report)
    assert [item.value for item in found] == [{"a": 1}, {"a": "]"}]
    assert [str(issue.first) for _, issue in report.skipped] == ["x.json:2"]


@pytest.mark.parametrize(
    "text", ['{"messages": [{"a": 1}, {"a"', '{"":"""":', '{"messages": [1', '{"a": {"b"']
)
def test_a_file_that_was_cut_off_is_told(text: str) -> None:
    report = ReadReport()
    walked(text, report)
    assert report.skipped.total == 1


def test_what_is_nested_too_deep_is_one_damaged_element() -> None:
    report = ReadReport()
    deep = "[" * 100_000 + "]" * 100_000
    found = walked(f'{{"messages": [1, {deep}, 2]}}', report)
    assert [item.value for item in found] == [1, 2]
    assert counts(report.skipped) == {"it is nested too deep": 1}
    walked('{"a":' * 100_000, report)


def test_a_quote_that_is_never_closed_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "MAX_ROW_CHARS", 1000)
    monkeypatch.setattr(json_stream, "CHUNK_CHARS", 100)
    report = ReadReport()
    walked('{"messages": ["' + "x" * 10_000, report)
    assert report.skipped.total == 1
