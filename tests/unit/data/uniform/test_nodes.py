"""OASST rows by column, by hand."""

from pathlib import Path
from typing import Any

import pytest

from lumina_cli.data.config import DataConfig
from lumina_cli.data.oasst.message_table import MessageTable
from lumina_cli.data.report import ReadReport
from lumina_cli.data.rows import RowBlock
from lumina_cli.data.uniform.nodes import UniformNodes

ROWS: list[dict[str, Any]] = [
    {
        "message_id": "a",
        "parent_id": None,
        "role": "prompter",
        "text": "é",
        "lang": " EN",
        "rank": 2,
    },
    {
        "message_id": "b",
        "parent_id": "a",
        "role": "assistant",
        "text": "x",
        "lang": None,
        "rank": 0.0,
    },
]


def taken(rows: list[dict[str, Any]], trees: MessageTable, **settings: Any) -> ReadReport | None:
    report = ReadReport()
    block = RowBlock(Path("f"), range(5, 5 + len(rows)), rows)
    nodes = UniformNodes(DataConfig(**settings), trees=trees)
    took = nodes.take(rows, tuple(rows[0]), block=block, report=report)
    return report if took else None


def test_messages_stand_in_the_table_as_they_were_read() -> None:
    with MessageTable() as trees:
        report = taken(ROWS, trees)
        assert report
        assert report.formats[Path("f")] == {"oasst rows": 2}
        columns = trees.columns()
        assert [trees.message(record, in_loss=True).text for record in columns] == ["é", "x"]
        assert columns["parent"][1] == columns["id"][0]
        assert columns["has_parent"].tolist() == [False, True]
        assert columns["rank"].tolist() == [2, 0]
        assert [trees.langs()[lang] for lang in columns["lang"]] == ["en", ""]
        assert [str(trees.location(record)) for record in columns] == ["f:5", "f:6"]


def test_what_reviewers_turned_down_is_left_out() -> None:
    rows = [{**ROWS[0], "review_result": True}, {**ROWS[1], "review_result": False, "text": None}]
    with MessageTable() as trees:
        report = taken(rows, trees)
        assert report
        assert report.left_out["its reviewers turned it down"] == 1
        assert trees.columns()["is_read"].tolist() == [True, False]


@pytest.mark.parametrize(
    "change",
    [
        {"message_id": 7},
        {"message_id": "é"},
        {"parent_id": ""},
        {"role": "Prompter"},
        {"role": ["prompter"]},
        {"text": " "},
        {"text": "<|bot|>"},
        {"deleted": True},
        {"synthetic": "true"},
        {"lang": 3},
        {"replies": []},
    ],
    ids=str,
)
def test_unusual_rows_are_read_one_by_one(change: dict[str, Any]) -> None:
    with MessageTable() as trees:
        extra = dict.fromkeys(change)
        assert taken([{**extra, **ROWS[0]}, {**extra, **ROWS[1], **change}], trees) is None
        assert len(trees) == 0


def test_no_row_is_taken_where_another_format_is_named() -> None:
    with MessageTable() as trees:
        assert taken(ROWS, trees, format="messages") is None
