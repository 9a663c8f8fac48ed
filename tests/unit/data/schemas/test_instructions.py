"""Rows with an instruction and an answer."""

from pathlib import Path

from tests.unit.data.reading import as_json_lines, issues, read, read_row, said


def test_an_instruction_and_what_it_is_about_are_one_turn(tmp_path: Path) -> None:
    row = {"instruction": "Translate.", "input": "Guten Tag", "output": "Good day"}
    [document], _ = read(as_json_lines(tmp_path, [row]))
    assert said(document) == [("user", "Translate.\n\nGuten Tag"), ("bot", "Good day")]


def test_what_an_instruction_is_about_may_be_called_context(tmp_path: Path) -> None:
    row = {"instruction": "When?", "context": "In 1969.", "response": "1969", "category": "qa"}
    document, report = read_row(tmp_path, row)
    assert said(document) == [("user", "When?\n\nIn 1969."), ("bot", "1969")]
    assert issues(report) == {}
    row = {"question": "When?", "context": "In 1969.", "answer": "1969"}
    assert said(read_row(tmp_path, row)[0])[0] == ("user", "When?\n\nIn 1969.")
