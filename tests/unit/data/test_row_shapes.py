"""Rows as people have them: other cases, other names, lists in texts, objects by ids."""

import json
from pathlib import Path
from typing import Any

import pytest

from lumina_cli.conversation import PlainText
from lumina_cli.errors import DataError, LuminaError, UsageError
from tests.unit.data.reading import (
    HELLO,
    SHARED,
    TURNS,
    counts,
    issues,
    needs_shared_data,
    read,
    read_row,
    said,
    write_bytes,
    write_rows,
)

UPPER = [{"Role": "User", "Content": "Hello"}, {"Role": "Assistant", "Content": "Hi!"}]


@pytest.mark.parametrize(
    "row",
    [
        {"Question": "Hello", "ANSWER": "Hi!"},
        {"Instruction": "Hello", "Input": "", " Output ": "Hi!"},
        {"Messages": TURNS},
        {"Conversation": UPPER},
        {"Text": "### Human: Hello### Assistant: Hi!"},
        {"System_Prompt": "", "User": "Hello", "Bot": "Hi!"},
    ],
    ids=str,
)
def test_keys_may_be_in_any_case(tmp_path: Path, row: dict[str, Any]) -> None:
    document, report = read_row(tmp_path, row)
    assert said(document) == HELLO
    assert issues(report) == {}


@pytest.mark.parametrize("key", ["messages", "conversations", "dialog", "Turns"])
@pytest.mark.parametrize("write", [json.dumps, repr], ids=["json", "python"])
def test_a_list_of_messages_may_be_a_text(tmp_path: Path, key: str, write: Any) -> None:
    document, _ = read_row(tmp_path, {key: write(TURNS)})
    assert said(document) == HELLO
    cell = write(TURNS).replace(chr(34), 2 * chr(34))
    path = write_bytes(tmp_path / "x.csv", f'id,{key}\n1,"{cell}"\n'.encode())
    assert said(read(path)[0][0]) == HELLO


@pytest.mark.parametrize("text", ["[", "['a' 'b']", "[" * 5000, "[1, 2]", "hello", "{}"])
def test_another_text_is_no_list_of_messages(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError):
        read_row(tmp_path, {"messages": text})


def test_columns_are_called_as_the_user_says(tmp_path: Path) -> None:
    rows = [{"Text": f"q{n}", "code": f"a{n}", "output": "not this one at all"} for n in range(3)]
    documents, report = read(
        write_rows(tmp_path / "x.jsonl", rows), columns="question=text, answer=Code"
    )
    assert [said(each) for each in documents] == [
        [("user", f"q{n}"), ("bot", f"a{n}")] for n in range(3)
    ]
    assert counts(report.notices) == {"there is text under 'output', which is not read": 3}


@pytest.mark.parametrize("name", ["x.csv", "x.tsv"])
def test_columns_of_a_table_may_be_named(tmp_path: Path, name: str) -> None:
    between = "\t" if name == "x.tsv" else ";"
    lines = [["Nr", "Frage", "Antwort"], ["1", "Hello", "Hi!"]]
    text = "".join(between.join(line) + "\n" for line in lines)
    path = write_bytes(tmp_path / name, text.encode())
    [document] = read(path, columns="question=frage,answer=ANTWORT")[0]
    assert said(document) == HELLO


def test_columns_of_a_parquet_table_may_be_named(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"Name": ["Hello"], "code": ["Hi!"]}), tmp_path / "x.parquet")
    [document] = read(tmp_path / "x.parquet", columns="question=name,answer=code")[0]
    assert said(document) == HELLO


def test_columns_that_are_not_there_are_told(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "x.jsonl", [{"text": "a", "code": "b"}])
    with pytest.raises(DataError, match="none of the columns named by --columns"):
        read(path, columns="question=frage,answer=antwort")
    with pytest.raises(UsageError, match="'frage', which no format has"):
        read(path, columns="frage=text")


@pytest.mark.parametrize("columns", ["question", "=text", "question=", "question=a,b"])
def test_columns_are_named_in_pairs(tmp_path: Path, columns: str) -> None:
    with pytest.raises(ValueError, match="question=text"):
        read(tmp_path, columns=columns)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"prompt": "", "completion": "Once upon"}, True),
        ({"prompt": " \n", "completion": "Once upon"}, True),
        ({"prompt": None, "completion": "Once upon"}, True),
        ({"instruction": "", "input": "", "output": "Once upon"}, True),
    ],
    ids=str,
)
def test_an_empty_question_makes_its_answer_a_text(tmp_path: Path, row: Any, told: bool) -> None:
    document, report = read_row(tmp_path, row)
    assert document == PlainText("Once upon")
    assert len(report.notices) == told


def test_a_system_prompt_stays_before_an_answer_without_question(tmp_path: Path) -> None:
    document, _ = read_row(tmp_path, {"system": "Be kind.", "prompt": "", "completion": "Hi!"})
    assert said(document) == [("system", "Be kind."), ("bot", "Hi!")]


PAST = [("user", "one"), ("bot", "two")]


@pytest.mark.parametrize(
    "history",
    [
        [["one", "two"]],
        ["one", "two"],
        [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}],
        '[["one", "two"]]',
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "row",
    [
        {"instruction": "Hello", "input": "", "output": "Hi!"},
        {"prompt": "Hello", "response": "Hi!"},
    ],
    ids=str,
)
def test_history_stands_before_the_question(tmp_path: Path, row: Any, history: Any) -> None:
    document, report = read_row(tmp_path, {**row, "history": history})
    assert said(document) == PAST + HELLO
    assert issues(report) == {}
    for empty in ([], None, "", [[None, None]]):
        assert said(read_row(tmp_path, {**row, "history": empty})[0]) == HELLO


def test_of_several_answers_the_first_is_read(tmp_path: Path) -> None:
    for key in ("output", "outputs", "answers", "completions"):
        document, report = read_row(tmp_path, {"prompt": "Hello", key: ["Hi!", "Go away."]})
        assert said(document) == HELLO
        assert counts(report.left_out) == {"of a list of answers the first is read": 1}
    squad = {"question": "Hello", "context": "", "answers": {"text": ["Hi!"], "answer_start": [0]}}
    assert said(read_row(tmp_path, squad)[0]) == HELLO


@pytest.mark.parametrize("name", ["x.json", "x", "x.txt"])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "conversation",
    [
        TURNS,
        {"messages": TURNS, "rating": "Good"},
        {"config": "A", "content": [{"message": text, "agent": f"agent_{n}"} for n, (_, text) in
                                    enumerate(HELLO)]},
        {"question": "Hello", "answer": "Hi!"},
    ],
    ids=["messages", "object", "topical chat", "pair"],
)  # fmt: skip
def test_an_object_of_conversations_by_their_ids_is_read(
    tmp_path: Path, name: str, indent: int | None, conversation: Any
) -> None:
    rows = {f"t_{number}": conversation for number in range(2000)}
    path = write_bytes(tmp_path / name, json.dumps(rows, indent=indent).encode())
    documents, report = read(path)
    assert [said(document) for document in documents] == [HELLO] * 2000
    assert report.skipped.total == 0


def test_an_element_of_such_an_object_is_told_by_its_line(tmp_path: Path) -> None:
    rows = {f"t_{number}": TURNS for number in range(60)}
    text = json.dumps({**rows, "t_bad": [{"role": "user"}]}).replace(', "t_', ',\n"t_')
    _, report = read(write_bytes(tmp_path / "x.json", text.encode()))
    assert [issue.first.line for _, issue in report.skipped] == [61]


@needs_shared_data
def test_topical_chat_is_read_as_it_comes() -> None:
    path = SHARED / "dialogue" / "topicalchat_valid_freq.json"
    rows = json.loads(path.read_text(encoding="utf-8"))
    documents, report = read(path)
    num_messages = sum(len(row["content"]) for row in rows.values())
    assert len(documents) == len(rows)
    assert sum(report.messages.values()) + report.left_out.total == num_messages
    assert report.skipped.total == 0


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}', '{"a": {"b": 1}}', '{"a": [1, 2]}', '{"a": {}}', '{"a": []}', '{"": {"": {}}}',
        '{"a": {"text": "x"}}', '{"a": [[[[', '{"a": {"b": {"c": [{',
        '{"a": "b", "c": [{"role": 1}',
    ],
)  # fmt: skip
def test_other_objects_are_no_conversations(tmp_path: Path, text: str) -> None:
    with pytest.raises(LuminaError):
        read(write_bytes(tmp_path / "x.json", text.encode()))
