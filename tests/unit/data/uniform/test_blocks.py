"""Rows read many at a time are those rows read one by one, whatever they hold."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from lumina_cli.conversation import Document
from lumina_cli.data.config import DataConfig
from lumina_cli.data.documents import Documents
from lumina_cli.data.report import Issues, ReadReport
from lumina_cli.data.row_converter import RowConverter
from lumina_cli.data.uniform import blocks as uniform_blocks
from lumina_cli.errors import LuminaError
from tests.unit.data.reading import SHARED, needs_shared_data

NUM_ROWS = 40

WICKED: list[Any] = [
    *["", " ", "\n", "\u2028", "a\u0085b", "<|bot|>x", "<|im_start|>", "[/INST]", "### Human: a"],
    *["### Assistant: b", "\n\nHuman: a\n\nAssistant: b", "Human: a\n\nAssistant: b", "cafÃ©"],
    *["\ud800", "\udc00 x", "\ufeff", "\0", "日本語", "three words here", "x" * 70_000],
    *["hello", "a b c", "é", "über", "<b>", "#1 [x]", '[{"role": "user", "content": "a"}]'],
]
SCALARS: list[Any] = [None, True, False, 0, 1, -1, 1.5, 10**400, float("nan"), [], ["a"], {}]
ROLES: list[Any] = ["user", "assistant", "User", " bot ", "tool", "function", "", None, 7, "gpt"]
KEYS = [
    *[("user", "bot"), ("prompt", "completion", "label"), ("instruction", "input", "output")],
    *[("question", "answer", "context"), ("system", "user", "bot", "score"), ("text",)],
    *[("text", "meta"), ("instruction", "response", "category"), ("input", "output", "notes")],
    *[("prompt", "chosen", "rejected"), ("role", "text"), ("user", "bot", "messages")],
]
TURN_KEYS = [("role", "content"), ("from", "value"), ("content", "role")]
LIST_KEYS = ["messages", "conversations", "turns", "data", "dialog", "x"]
MORE: list[dict[str, Any]] = [{}, {"label": True}, {"source": "a b c", "meta": {"x": [1]}}]
TREE_MORE: list[dict[str, Any]] = [{}, {"lang": "en"}, {"rank": None, "labels": {"name": ["x"]}}]
ODD_LINES = ['{"user": "cut', "", " ", "3", "[]", '{"a": 1, "a": 2}', "[" * 2000, '{"a":1}{"b":2}']


def rows_of_texts(draw: random.Random) -> list[Any]:
    keys = draw.choice(KEYS)
    return [{key: f"{key} number {n}" for key in keys} for n in range(NUM_ROWS)]


def rows_of_messages(draw: random.Random) -> list[Any]:
    list_key, turn_keys, more = draw.choice(LIST_KEYS), draw.choice(TURN_KEYS), draw.choice(MORE)
    rows = []
    for n in range(NUM_ROWS):
        names = [*draw.choices([*ROLES[:2], "system"], k=draw.randint(0, 2)), "user", "assistant"]
        turns = [
            {key: name if key in ("role", "from") else f"text {n}" for key in turn_keys}
            for name in names
        ]
        rows.append({list_key: turns, **more})
    return rows


def rows_of_trees(draw: random.Random) -> list[Any]:
    more = draw.choice(TREE_MORE)
    rows: list[Any] = []
    for n in range(NUM_ROWS):
        parent = draw.choice([None, *(row["message_id"] for row in rows[-4:])])
        role = draw.choice(["prompter", "assistant"])
        row = {"message_id": f"m{n}", "parent_id": parent, "role": role, "text": f"text é {n}"}
        rows.append({**row, "review_result": draw.choice([True, True, True, None, False]), **more})
    return rows


def changed(row: dict[str, Any], draw: random.Random) -> Any:
    """Change one thing of a row, or of its last message."""
    key = draw.choice(sorted(row))
    value = row[key]
    new = draw.choice(draw.choice([WICKED, WICKED, SCALARS, ROLES]))
    if isinstance(value, list) and value and isinstance(value[-1], dict) and draw.random() < 0.7:
        turn = {**value[-1], draw.choice(["role", "content", "from", "value", "name"]): new}
        return {**row, key: [*value[:-1], turn]}
    row = {**row, key: new}
    if draw.random() < 0.25:
        row |= {draw.choice(["replies", "prompt", "lang", "deleted", "z"]): new}
    if draw.random() < 0.25:
        del row[draw.choice(sorted(row))]
    return row


def file_of(draw: random.Random) -> tuple[str, str]:
    """A file of like rows, some of them changed, and lines that are none."""
    rows = draw.choice([rows_of_texts, rows_of_messages, rows_of_trees])(draw)
    for number in draw.sample(range(NUM_ROWS), draw.choice([0, 1, 1, 2, 4])):
        rows[number] = changed(rows[number], draw)
    is_ascii = draw.random() < 0.5
    lines = [json.dumps(row, ensure_ascii=is_ascii) for row in rows]
    for number in draw.sample(range(NUM_ROWS), draw.choice([0, 0, 1, 2])):
        odd = [*ODD_LINES, lines[number] + ",", " " + lines[number]]
        lines[number] = draw.choice(odd)
    if draw.random() < 0.7:
        return "x.jsonl", draw.choice(["\n", "\r\n"]).join(lines)
    return "x.json", "[" + ",\n".join(lines) + "]"


def told(issues: Issues) -> list[Any]:
    return [(wording, str(i.first), i.example, i.count) for wording, i in issues]


def reading_of(path: Path, **changes: Any) -> tuple[list[Document], list[Any]]:
    settings = {"allow_skips": True, "min_char_count": 1, **changes}
    documents = Documents([path], config=DataConfig(**settings))
    found: list[Document] = []
    try:
        for batch in documents.read():
            found += batch.documents()
    except LuminaError as error:
        return [], [repr(error)]
    return found, summary(documents.report)


def summary(report: ReadReport) -> list[Any]:
    issues = [told(each) for each in (report.skipped, report.left_out, report.notices)]
    counts = [report.rows, report.conversations, report.texts, report.characters, report.messages]
    return [*issues, *counts, {str(path): count for path, count in report.formats.items()}]


def one_by_one(path: Path, **changes: Any) -> tuple[list[Document], list[Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uniform_blocks, "FEWEST_ROWS", 1 << 30)
        return reading_of(path, **changes)


@pytest.mark.parametrize(
    "seeds",
    [range(150), pytest.param(range(150, 4000), marks=pytest.mark.slow)],
    ids=["some", "many"],
)
def test_rows_read_many_at_a_time_are_those_read_one_by_one(tmp_path: Path, seeds: range) -> None:
    for seed in seeds:
        draw = random.Random(seed)
        name, text = file_of(draw)
        (tmp_path / name).write_bytes(text.encode("utf-8", "surrogatepass"))
        changes = {
            "oasst_paths": draw.choice(["best", "all", "top-2"]),
            "format": draw.choice(["auto", "auto", "auto", "messages", "oasst", "pairs"]),
            "fix_mojibake": draw.random() < 0.5,
        }
        found = reading_of(tmp_path / name, **changes)
        assert found == one_by_one(tmp_path / name, **changes), f"seed {seed}"


@pytest.mark.slow
@needs_shared_data
@pytest.mark.parametrize("paths", ["best", "all"])
def test_real_files_read_many_at_a_time_are_those_read_one_by_one(paths: str) -> None:
    files = sorted(path for path in SHARED.rglob("*.json*") if path.stat().st_size < 5_000_000)
    assert files
    for path in files:
        assert reading_of(path, oasst_paths=paths) == one_by_one(path, oasst_paths=paths)


USUAL = {
    "pairs": {"user": "hello {}", "bot": "hi {}"},
    "pairs with more": {"id": 7, "prompt": "a {}", "completion": "b {}", "meta": {"x": []}},
    "instructions": {"instruction": "a {}", "input": "", "output": "b {}"},
    "documents": {"text": "a text {}"},
    "messages": {"messages": [{"role": "user", "content": "a"}, {"role": "bot", "content": "b"}]},
    "sharegpt": {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
    "oasst": {"message_id": "{}", "parent_id": None, "text": "a", "role": "prompter", "rank": 1},
}


@pytest.fixture
def rows_read_alone(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of rows that went the way of single rows."""
    numbers: list[int] = []
    usual = RowConverter.documents

    def noting(self: RowConverter, rows: Any) -> Any:
        noted = list(rows)
        numbers.extend(row.location.line for row in noted)
        return usual(self, noted)

    monkeypatch.setattr(RowConverter, "documents", noting)
    return numbers


def write_numbered(path: Path, row: dict[str, Any], *, num_rows: int) -> list[str]:
    lines = [json.dumps(row).replace("{}", str(number)) + "\n" for number in range(num_rows)]
    path.write_text("".join(lines), encoding="utf-8")
    return lines


@pytest.mark.parametrize("kind", USUAL)
def test_rows_that_are_alike_are_read_many_at_a_time(
    tmp_path: Path, rows_read_alone: list[int], kind: str
) -> None:
    write_numbered(tmp_path / "x.jsonl", USUAL[kind], num_rows=100)
    _, report = reading_of(tmp_path / "x.jsonl")
    assert rows_read_alone == []
    assert report[3] == 100  # rows


def test_an_odd_row_sends_only_those_around_it_the_plain_way(
    tmp_path: Path, rows_read_alone: list[int]
) -> None:
    lines = write_numbered(tmp_path / "x.jsonl", USUAL["pairs"], num_rows=256)
    lines[100] = json.dumps({"user": "<|im_start|>", "bot": "b"}) + "\n"
    (tmp_path / "x.jsonl").write_text("".join(lines), encoding="utf-8")
    found, report = reading_of(tmp_path / "x.jsonl")
    assert len(found) == 256
    assert rows_read_alone == list(range(97, 113))
    assert report[2][0][1].endswith("x.jsonl:101")
