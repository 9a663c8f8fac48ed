"""Rows of one message each, without ids."""

from pathlib import Path

from tests.unit.data.reading import HELLO, TURNS, counts, read, said, texts, write_rows


def test_rows_in_order_may_hold_their_text_as_content(tmp_path: Path) -> None:
    [document], _ = read(write_rows(tmp_path / "x.jsonl", TURNS))
    assert said(document) == HELLO


def test_rows_without_ids_follow_their_order(tmp_path: Path) -> None:
    roles = ["user", "assistant", "assistant", "user", "user", "BOT", "user"]
    rows = [{"role": role, "text": str(index)} for index, role in enumerate(roles)]
    documents, report = read(write_rows(tmp_path / "x.jsonl", rows))
    assert texts(documents) == [["0", "1", "2"], ["3", "4", "5"]]
    assert counts(report.left_out) == {"no reply follows it": 1}
