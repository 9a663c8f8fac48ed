"""Rows made to break a reader: nested without end, or such that work grows faster than the file."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lumina_cli.data import text_repair
from lumina_cli.data.config import DataConfig
from lumina_cli.data.documents import Documents
from lumina_cli.data.readers.csv_rows import rows_of_csv
from lumina_cli.data.readers.json import elements as json_elements
from lumina_cli.data.readers.json import rows as json_rows
from lumina_cli.data.report import ReadReport
from lumina_cli.errors import DataError, LuminaError
from lumina_cli.recipes.data.fetch import Fetched, fetch
from tests.unit.data.reading import GOOD, counts, read, write_bytes

DEPTH = 3000  # Python gives up at a thousand
DEEP_VALUES = {
    "lists": "[" * DEPTH + "]" * DEPTH,
    "objects": '{"role":' * DEPTH + "1" + "}" * DEPTH,
    "contents": '{"role":"user","content":' * DEPTH + '"a b c"' + "}" * DEPTH,
    "mixed": '[{"role":1,"content":' * DEPTH + "[]" + "}]" * DEPTH,
}
ROWS_WITH_DEEP_VALUES = [
    '{"user": "a", "bot": "b", "x": DEEP}',
    '{"user": "a", "bot": DEEP}',
    '{"user": DEEP, "bot": "b", "context": DEEP, "system": DEEP}',
    '{"text": DEEP, "title": DEEP}',
    '{"messages": DEEP}',
    '{"messages": [{"role": DEEP, "content": "a"}]}',
    '{"messages": [{"role": "user", "content": DEEP, "tool_calls": DEEP}]}',
    '{"messages": [{"role": "user", "content": [{"type": DEEP}]}]}',
    '{"conversations": [DEEP, DEEP]}',
    '{"message_id": DEEP, "parent_id": DEEP, "text": "a", "role": "prompter"}',
    '{"message_id": "a", "text": "b", "role": "prompter", "deleted": DEEP}',
    '{"message_id": "a", "text": "b", "role": "prompter", "lang": DEEP, "rank": DEEP}',
    '{"prompt": {"message_id": "a", "text": "b", "role": "prompter", "replies": DEEP}}',
    '{"prompt": DEEP, "completion": DEEP}',
    '{"role": DEEP, "content": DEEP}',
    '{"chosen": DEEP, "rejected": DEEP}',
    "DEEP",
]


@pytest.mark.parametrize("deep", DEEP_VALUES)
@pytest.mark.parametrize("row", ROWS_WITH_DEEP_VALUES)
def test_nothing_nested_deep_breaks_the_reading(tmp_path: Path, row: str, deep: str) -> None:
    row = row.replace("DEEP", DEEP_VALUES[deep])
    for name, content in (("x.jsonl", f"{row}\n"), ("x.json", f"[{row}]")):
        path = write_bytes(tmp_path / name, content.encode())
        documents = Documents([path], config=DataConfig(allow_skips=True))
        with suppress(LuminaError):
            list(documents)
        assert documents.report.rows  # read or skipped, and counted


@pytest.mark.parametrize("row", ROWS_WITH_DEEP_VALUES)
def test_nothing_nested_deep_breaks_the_fetching(tmp_path: Path, row: str) -> None:
    row = row.replace("DEEP", DEEP_VALUES["mixed"])
    path = write_bytes(tmp_path / "x.jsonl", f"{row}\n".encode())
    with suppress(LuminaError):
        *_, last = fetch("some/thing", out=tmp_path / "out", local_copy=path)
        assert isinstance(last, Fetched)


def test_a_row_of_too_many_brackets_is_one_bad_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_rows, "MAX_BRACKETS", 1000)
    line = '{"user": "a", "bot": "b", "x": [' + "{}," * 1000 + "1]}\n"
    path = write_bytes(tmp_path / "x.jsonl", (GOOD * 30 + line).encode())
    documents, report = read(path)
    assert len(documents) == 30
    assert counts(report.skipped) == {"it holds more than two million brackets": 1}


def test_an_element_that_only_goes_deeper_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_elements, "MAX_BRACKETS", 1000)
    with pytest.raises(DataError, match="begins an element that does not end"):
        read(write_bytes(tmp_path / "x.json", b"[" * 5000))


def test_a_garbled_line_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    num_chars = 0
    fix_line = text_repair._fix_line

    def counted(line: str) -> str:
        nonlocal num_chars
        num_chars += len(line)
        return fix_line(line)

    monkeypatch.setattr(text_repair, "_fix_line", counted)
    text = "Ã©\u0100" * 10_000 + "\n" + "Ã©\u0100" * 1000
    found = text_repair.find_mojibake(text)
    assert found is not None
    assert not found.is_sure
    assert num_chars <= len(text)


def test_a_short_row_of_a_wide_table_is_as_short(tmp_path: Path) -> None:
    content = "user,bot" + ",x" * 100_000 + ",system,bot\n" + "a,b\n" * 10
    with write_bytes(tmp_path / "x.csv", content.encode()).open(encoding="utf-8") as file:
        rows = list(rows_of_csv(file, path=tmp_path / "x.csv", report=ReadReport()))
    assert [row.value for row in rows] == [{"user": "a", "bot": None, "system": None}] * 10


def test_a_heading_longer_than_fields_may_be_is_refused(tmp_path: Path) -> None:
    for heading in ("a" * 200_000, '"' * 200_000, "user," + '"a' * 200_000):
        with pytest.raises(DataError):
            read(write_bytes(tmp_path / "x.csv", f"{heading}\nuser,bot\na,b\n".encode()))


def ladders(size: int) -> dict[str, str]:
    """Return files of about `size` characters, each of one thing again and again."""
    pair = '{"user": "a", "bot": "'
    return {
        "quotes.json": '"' * size,
        "backslashes.json": '["' + "\\" * size,
        "brackets.json": "[" * size,
        "objects.json": "[" + '{"a":' * (size // 5),
        "envelope.json": "{" + '"a":1,' * (size // 6),
        "blank envelope.json": "{" + " " * size,
        "behind rows.json": '{"data":[{"user":"a","bot":"b"}],' + '"a":1,' * (size // 6) + "}",
        "values.json": "{} x " * (size // 5),
        "commas.json": "[" + "," * size,
        "closed.json": "{}" + "]" * size,
        "quotes.jsonl": '"' * size,
        "backslashes.jsonl": pair + "\\" * size,
        "surrogates.jsonl": pair + "\\ud800" * (size // 6) + '"}\n',
        "keys.jsonl": pair + 'b"' + "".join(f',"k{n}":"a b c"' for n in range(size // 14)) + "}\n",
        "garbled.jsonl": pair + "Ã©\u0100" * (size // 3) + '"}\n',
        "garbled lines.jsonl": pair + "Ã©\u0100\\n" * (size // 5) + '"}\n',
        "long key.jsonl": pair + 'b", "' + "n_at_" * (size // 5) + '": "a b c"}\n',
        "digits.jsonl": pair + 'b", "x": ' + "9" * size + "}\n",
        "deep digits.jsonl": pair + 'b", "x": ' + "[" * 3000 + "9" * size + "]" * 3000 + "}\n",
        "human.jsonl": '{"text": "Human: a' + "\\n\\nHuman:" * (size // 10) + '"}\n',
        "spaces human.jsonl": '{"text": "' + " " * size + 'Human:"}\n',
        "hashes.jsonl": '{"text": "### Human: a### Assistant: b' + " #" * (size // 2) + '"}\n',
        "roles.jsonl": '{"messages": [{"role": "'
        + "tool_" * (size // 5)
        + '", "content": "a"}]}\n',
        "quotes.csv": "user,bot\n" + '"' * size,
        "commas.csv": "user,bot\n" + "," * size,
        "wide.csv": "user,bot" + ",x" * (size // 4) + "\n" + "a,b\n" * (size // 8),
        "open.csv": 'user,bot\n"' + "a\n" * (size // 2),
        "tags.txt": "<|user|>a" + "<|bot|>" * (size // 7),
        "begun tags.txt": "<|user|" * (size // 7),
        "spaces.txt": "x\n" + " \t" * (size // 2) + "<|",
        "garbled.txt": "Ã©\u0100" * (size // 3),
        "blank.txt": "x" + "\n " * (size // 2),
        "returns.txt": "x" + "\r" * size,
    }


SMALL, LARGE = 20_000, 320_000
LINEAR = LARGE // SMALL


@pytest.mark.parametrize("name", ladders(8))
def test_work_grows_with_the_file_and_not_with_its_square(tmp_path: Path, name: str) -> None:
    """By the processor's own time: a square would take sixteen times what is allowed."""

    def seconds(size: int, *, times: int) -> float:
        path = write_bytes(tmp_path / name, ladders(size)[name].encode())
        return min(_seconds_of(lambda: _read_or_refuse(path)) for _ in range(times))

    few_s = max(seconds(SMALL, times=3), 0.002)
    assert seconds(LARGE, times=1) < 4 * LINEAR * few_s


def _read_or_refuse(path: Path) -> Any:
    try:
        return list(Documents([path], config=DataConfig()))
    except LuminaError:
        return None


def _seconds_of(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin
