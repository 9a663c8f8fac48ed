"""The many keys under which people keep conversations, and what is told of the rest."""

import json
from pathlib import Path
from typing import Any

import pytest

from lumina_cli.conversation import Conversation, PlainText
from lumina_cli.data.report import ReadReport
from tests.unit.data.reading import counts, plain, read, said, write_bytes, write_rows

HELLO = [("user", "Hello"), ("bot", "Hi!")]
TURNS = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi!"}]


def read_row(folder: Path, row: Any, **settings: Any) -> tuple[Any, ReadReport]:
    [document], report = read(write_rows(folder / "x.jsonl", [row]), **settings)
    return document, report


def remarks(report: ReadReport) -> dict[str, int]:
    assert report.skipped.total == 0
    return {**counts(report.left_out), **counts(report.notices)}


# --- the system's turn ---------------------------------------------------------------


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
    assert remarks(report) == {}
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


# --- keys that are not read ----------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "key"),
    [
        ({"user": "a", "bot": "b", "thoughts": "first I look at it"}, "thoughts"),
        ({"messages": TURNS, "summary": "They say hello to each other."}, "summary"),
        ({"text": "a b c", "explanation": "这是一个很长的解释文字"}, "explanation"),
        ({"prompt": "a", "chosen": "b", "rejected": "this was the worse one"}, "rejected"),
        ({"instruction": "a", "output": "b", "history": [["what is it", "it is"]]}, "history"),
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
def test_text_under_a_key_that_is_not_read_is_told_with_its_place(
    tmp_path: Path, row: dict[str, Any], key: str
) -> None:
    path = write_rows(tmp_path / "x.jsonl", [{"user": "a", "bot": "b"}, row, row])
    _, report = read(path)
    [(wording, tally)] = list(report.notices)
    assert f"'{key}'" in wording
    assert (tally.count, str(tally.first)) == (2, f"{path}:2")


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
def test_what_stands_about_a_row_is_not_told(tmp_path: Path, beside: dict[str, Any]) -> None:
    assert remarks(read_row(tmp_path, {"user": "a", "bot": "b", **beside})[1]) == {}


def test_a_column_of_a_parquet_table_that_is_not_read_is_told(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    row = {"user": "a", "bot": "b", "thoughts": "let me think of it", "url": "a b c", "n": 1}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "x.parquet")
    _, report = read(tmp_path / "x.parquet")
    [(wording, tally)] = list(report.notices)
    assert "'thoughts'" in wording
    assert tally.first.line == 1


def test_rows_with_ever_new_keys_take_few_remarks(tmp_path: Path) -> None:
    rows = [{"user": "a", "bot": "b", f"key {n}": "some words of text"} for n in range(500)]
    _, report = read(write_rows(tmp_path / "x.jsonl", rows))
    assert len(list(report.notices)) < 50
    assert report.notices.total == 500


# --- messages as people keep them ----------------------------------------------------


@pytest.mark.parametrize(
    ("user", "bot"),
    [
        ("user", "assistant"),
        ("human", "gpt"),
        ("Human", "AI"),
        ("User", "Model"),
        ("HUMAN", "chatgpt"),
        ("user", "bing"),
        ("prompter", "gpt4"),
        ("user", "gpt-4"),
        ("user", "chatbot"),
    ],
)
def test_roles_have_many_names(tmp_path: Path, user: str, bot: str) -> None:
    for role, text in (("role", "content"), ("from", "value"), ("speaker", "text")):
        turns = [{role: user, text: "Hello"}, {role: bot, text: "Hi!"}]
        assert said(read_row(tmp_path, {"messages": turns})[0]) == HELLO


@pytest.mark.parametrize("key", ["conversation", "turns", "utterances", "dialogue", "dialog"])
def test_the_list_of_messages_has_many_names(tmp_path: Path, key: str) -> None:
    assert said(read_row(tmp_path, {key: TURNS})[0]) == HELLO


def test_content_in_parts_is_joined_and_what_is_no_text_is_told(tmp_path: Path) -> None:
    parts = [
        {"type": "text", "text": "Look:"},
        {"type": "image_url", "image_url": {"url": "x"}},
        {"type": "text", "text": "what is it?"},
    ]
    turns = [{"role": "user", "content": parts}, {"role": "assistant", "content": ["A cat."]}]
    document, report = read_row(tmp_path, {"messages": turns})
    assert said(document) == [("user", "Look:\nwhat is it?"), ("bot", "A cat.")]
    [(wording, tally)] = list(report.left_out)
    assert "part of a message" in wording
    assert (tally.count, tally.example) == (1, "image_url")


def test_a_message_whose_parts_hold_no_text_can_not_be_read(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": [{"type": "image_url"}]}, TURNS[1]]
    path = write_rows(tmp_path / "x.jsonl", [{"messages": TURNS}] * 30 + [{"messages": turns}])
    assert counts(read(path)[1].skipped) == {"its content is a list without text": 1}


def test_contents_with_parts_are_read(tmp_path: Path) -> None:
    turns = [
        {"role": "user", "parts": [{"text": "Hello"}]},
        {"role": "model", "parts": [{"text": "Hi!"}]},
    ]
    assert said(read_row(tmp_path, {"contents": turns})[0]) == HELLO


@pytest.mark.parametrize(
    "call",
    [
        {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f"}}]},
        {"role": "assistant", "content": "", "function_call": {"name": "f"}},
        {"role": "function_call", "content": "f(1)"},
        {"role": "tool", "content": "7"},
        {"from": "function_response", "value": "7"},
        {"from": "observation", "value": ""},
    ],
    ids=str,
)
def test_calls_of_tools_are_left_out_and_the_conversation_is_read(
    tmp_path: Path, call: dict[str, Any]
) -> None:
    document, report = read_row(tmp_path, {"messages": [TURNS[0], call, TURNS[1]]})
    assert said(document) == HELLO
    assert remarks(report) == {"a message calls a tool or is what a tool said": 1}


def test_a_call_beside_words_leaves_the_words(tmp_path: Path) -> None:
    call = {"role": "assistant", "content": "Hi!", "tool_calls": [{"function": {"name": "f"}}]}
    document, report = read_row(tmp_path, {"messages": [TURNS[0], call]})
    assert said(document) == HELLO
    assert remarks(report) == {"a call of a tool beside the words of a message": 1}


def test_turns_without_speakers_are_taken_in_turn_and_told(tmp_path: Path) -> None:
    document, report = read_row(tmp_path, {"id": "1", "data": ["Hello", "Hi!"]})
    assert said(document) == HELLO
    assert remarks(report) == {"its turns name no speaker; user and bot are taken in turn": 1}


# --- pairs ---------------------------------------------------------------------------


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


def test_what_an_instruction_is_about_may_be_called_context(tmp_path: Path) -> None:
    row = {"instruction": "When?", "context": "In 1969.", "response": "1969", "category": "qa"}
    document, report = read_row(tmp_path, row)
    assert said(document) == [("user", "When?\n\nIn 1969."), ("bot", "1969")]
    assert remarks(report) == {}
    row = {"question": "When?", "context": "In 1969.", "answer": "1969"}
    assert said(read_row(tmp_path, row)[0])[0] == ("user", "When?\n\nIn 1969.")


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
    assert remarks(report) == {}


# --- transcripts ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        {"chosen": "\n\nHuman: Hello\n\nAssistant: Hi!"},
        {"prompt": "\n\nHuman: Hello\n\nAssistant:", "completion": " Hi!"},
        {"text": "### Human: Hello### Assistant: Hi!"},
        {"text": "### Human: Hello\n### Assistant: Hi!\n"},
        {"text": "\n\nHuman: Hello\n\nAssistant: Hi!"},
    ],
    ids=str,
)
def test_transcripts_are_conversations(tmp_path: Path, row: dict[str, Any]) -> None:
    document, _ = read_row(tmp_path, row)
    assert [(role, text.strip()) for role, text in said(document)] == HELLO


def test_a_transcript_has_as_many_turns_as_it_has_marks(tmp_path: Path) -> None:
    text = "\n\nHuman: a\n\nb\n\nAssistant: c: d\n\nHuman: e\n\nAssistant: f"
    document, _ = read_row(tmp_path, {"chosen": text, "rejected": ""})
    turns = [("user", "a\n\nb"), ("bot", "c: d"), ("user", "e"), ("bot", "f")]
    assert said(document) == turns


@pytest.mark.parametrize(
    "text",
    [
        "Human: nature is odd.",
        "They said: ### Human: x",
        "### Human:",
        "### Bot:",
        "### Human: ### Assistant: Hi",
        "### Human: Hello ### Assistant:",
    ],
)
def test_prose_is_no_transcript(tmp_path: Path, text: str) -> None:
    assert read_row(tmp_path, {"text": text})[0] == PlainText(text)


@pytest.mark.parametrize("asked", ["### bot:", "### Human:### Assistant: no", "\n\nHuman:"])
def test_marks_without_words_are_words(tmp_path: Path, asked: str) -> None:
    document, report = read_row(tmp_path, {"user": asked, "bot": "b"})
    assert said(document) == [("user", asked), ("bot", "b")]
    assert report.skipped.total == 0


@pytest.mark.parametrize("mark", ["### Human: a", "\n\nHuman: a"])
def test_a_transcript_full_of_blanks_is_read_at_once(tmp_path: Path, mark: str) -> None:
    text = f"{mark}{' ' * 300_000}b{mark.replace('Human', 'Assistant')}"
    document, _ = read_row(tmp_path, {"text": text})
    assert said(document) == [("user", f"a{' ' * 300_000}b"), ("bot", "a")]


def test_a_transcript_is_a_document_where_one_is_asked_for(tmp_path: Path) -> None:
    row = {"text": "### Human: Hello### Assistant: Hi!"}
    assert isinstance(read_row(tmp_path, row, format="documents")[0], PlainText)
    assert isinstance(read_row(tmp_path, row, format="transcripts")[0], Conversation)


# --- other rows ----------------------------------------------------------------------


@pytest.mark.parametrize("key", ["text", "content", "story", "document"])
def test_documents_have_several_names(tmp_path: Path, key: str) -> None:
    assert read_row(tmp_path, {key: "once upon a time"})[0] == PlainText("once upon a time")


def test_rows_in_order_may_hold_their_text_as_content(tmp_path: Path) -> None:
    [document], _ = read(write_rows(tmp_path / "x.jsonl", TURNS))
    assert said(document) == HELLO


# --- what stands around the rows -----------------------------------------------------


@pytest.mark.parametrize("name", ["x.json", "x.jsonl", "x"])
@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("key", ["data", "rows", "conversations", "examples", "train"])
def test_a_list_of_rows_may_stand_in_an_object(
    tmp_path: Path, key: str, indent: int | None, name: str
) -> None:
    whole = {"version": 1, "about": {"by": ["me"]}, key: [{"messages": TURNS}] * 3, "total": 3}
    path = write_bytes(tmp_path / name, json.dumps(whole, indent=indent).encode())
    documents, report = read(path)
    assert [said(document) for document in documents] == [HELLO] * 3
    assert remarks(report) == {}


def test_a_list_of_lists_of_turns_may_stand_in_an_object(tmp_path: Path) -> None:
    whole = json.dumps({"conversations": [TURNS, TURNS]})
    documents, _ = read(write_bytes(tmp_path / "x.json", whole.encode()))
    assert [said(document) for document in documents] == [HELLO] * 2


@pytest.mark.parametrize("name", ["x.json", "x.jsonl"])
def test_a_row_alone_is_no_wrapper(tmp_path: Path, name: str) -> None:
    row = {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}
    path = write_bytes(tmp_path / name, json.dumps(row).encode())
    assert [said(document) for document in read(path)[0]] == [[("user", "a"), ("bot", "b")]]


def test_text_behind_a_wrapped_list_is_told(tmp_path: Path) -> None:
    whole = json.dumps({"train": [{"messages": TURNS}], "test": [{"messages": TURNS}]}, indent=1)
    path = write_bytes(tmp_path / "x.json", whole.encode())
    documents, report = read(path)
    assert len(documents) == 1
    [(wording, tally)] = list(report.notices)
    assert "behind the list" in wording
    assert tally.first.line > 1


def test_a_wrapped_list_is_read_row_by_row(tmp_path: Path) -> None:
    good = json.dumps({"messages": TURNS})
    text = '{"data": [\n' + ",\n".join([good] * 30 + ['{"user": oops}'] + [good] * 30) + "\n]}\n"
    documents, report = read(write_bytes(tmp_path / "x.json", text.encode()))
    assert len(documents) == 60
    [(wording, tally)] = list(report.skipped)
    assert (wording, tally.first.line) == ("it is not JSON", 32)


@pytest.mark.parametrize("name", ["x.jsonl", "x.json", "x.txt"])
def test_rows_may_end_in_commas(tmp_path: Path, name: str) -> None:
    line = json.dumps({"user": "Hello", "bot": "Hi!"}) + ",\n"
    documents, report = read(write_bytes(tmp_path / name, (line * 3).encode()))
    assert [said(document) for document in documents] == [HELLO] * 3
    assert remarks(report) == {}


def test_a_comma_alone_is_no_row(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "x.jsonl", b'{"user": "a", "bot": "b"}\n' * 30 + b",\n")
    assert counts(read(path)[1].skipped) == {"it is not JSON": 1}


def test_plain_text_in_a_string_is_plain(tmp_path: Path) -> None:
    assert plain(read(write_rows(tmp_path / "x.jsonl", ["one", "two"]))[0]) == "onetwo"
