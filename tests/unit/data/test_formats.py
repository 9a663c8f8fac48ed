"""Each format people have, by one example, in each container."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumina_cli.conversation import Conversation, Message, PlainText
from lumina_cli.errors import DataError
from tests.unit.data.reading import (
    SHARED,
    counts,
    needs_shared_data,
    plain,
    read,
    said,
    write_bytes,
    write_rows,
)

HELLO = [("user", "Hello"), ("bot", "Hi!\nHow are you?")]
PATHS = {"user": "Hello", "bot": "Hi!\nHow are you?"}

ROWS: dict[str, list[dict[str, Any]]] = {
    "messages": [
        {
            "messages": [
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": "Hi!\nHow are you?"},
            ]
        }
    ],
    "sharegpt": [
        {
            "conversations": [
                {"from": "human", "value": "Hello"},
                {"from": "gpt", "value": "Hi!\nHow are you?"},
            ]
        }
    ],
    "pairs": [{"user": "Hello", "bot": "Hi!\nHow are you?"}],
    "pairs (completion)": [{"prompt": "Hello", "completion": "Hi!\nHow are you?"}],
    "pairs (response)": [{"prompt": "Hello", "response": "Hi!\nHow are you?", "id": 7}],
    "pairs (output)": [{"input": "Hello", "output": "Hi!\nHow are you?"}],
    "instructions": [{"instruction": "Hello", "input": "", "output": "Hi!\nHow are you?"}],
    "oasst": [
        {"message_id": "2", "parent_id": "1", "text": "Hi!\nHow are you?", "role": "assistant"},
        {"message_id": "1", "parent_id": None, "text": "Hello", "role": "prompter"},
    ],
    "rows in order": [
        {"text": "Hello", "role": "prompter"},
        {"text": "Hi!\nHow are you?", "role": "assistant"},
    ],
}


def as_json_lines(folder: Path, rows: list[Any]) -> Path:
    return write_rows(folder / "x.jsonl", rows)


def as_array(folder: Path, rows: list[Any]) -> Path:
    return write_bytes(folder / "x.json", json.dumps(rows).encode())


def as_spread_out_array(folder: Path, rows: list[Any]) -> Path:
    return write_bytes(folder / "x.json", b"\xef\xbb\xbf\n" + json.dumps(rows, indent=2).encode())


def as_misnamed_array(folder: Path, rows: list[Any]) -> Path:
    return write_bytes(folder / "x.txt", json.dumps(rows, indent=4).encode())


def as_array_named_json_lines(folder: Path, rows: list[Any]) -> Path:
    return write_bytes(folder / "x.jsonl", json.dumps(rows, indent=1).encode())


def as_misnamed_lines(folder: Path, rows: list[Any]) -> Path:
    return write_rows(folder / "x.json", rows)


def as_lines_without_name(folder: Path, rows: list[Any]) -> Path:
    return write_rows(folder / "data", rows)


def as_spread_out_objects(folder: Path, rows: list[Any]) -> Path:
    text = "\n\n".join(json.dumps(row, indent=2) for row in rows)
    return write_bytes(folder / "x.jsonl", text.encode())


def as_packed_lines(folder: Path, rows: list[Any]) -> Path:
    return write_bytes(
        folder / "x.jsonl.gz", gzip.compress(as_json_lines(folder, rows).read_bytes())
    )


def as_parquet(folder: Path, rows: list[Any]) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows), folder / "x.parquet")
    return folder / "x.parquet"


CONTAINERS = [
    as_json_lines,
    as_array,
    as_spread_out_array,
    as_misnamed_array,
    as_array_named_json_lines,
    as_misnamed_lines,
    as_lines_without_name,
    as_spread_out_objects,
    as_packed_lines,
    as_parquet,
]


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("write", CONTAINERS)
def test_each_shape_is_read_from_each_container(
    tmp_path: Path, write: Callable[[Path, list[Any]], Path], name: str
) -> None:
    documents, report = read(write(tmp_path, ROWS[name]))
    assert [said(document) for document in documents] == [HELLO]
    assert report.skipped.total == 0


@pytest.mark.parametrize("name", ["messages", "sharegpt", "pairs", "instructions", "oasst"])
def test_a_format_that_is_named_is_taken(tmp_path: Path, name: str) -> None:
    documents, _ = read(as_json_lines(tmp_path, ROWS[name]), format=name)
    assert [said(document) for document in documents] == [HELLO]


@pytest.mark.parametrize("name", ["messages", "sharegpt", "pairs", "instructions", "oasst"])
def test_a_format_that_is_wrong_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="1 of 1 rows can't be read"):
        read(write_rows(tmp_path / "x.jsonl", [{"title": "a", "body": "b"}]), format=name)


def test_a_folder_may_mix_them_all(tmp_path: Path) -> None:
    for number, name in enumerate(ROWS):
        (tmp_path / str(number)).mkdir()
        as_json_lines(tmp_path / str(number), ROWS[name])
    documents, report = read(tmp_path)
    assert [said(document) for document in documents] == [HELLO] * len(ROWS)
    assert len(report.formats) == len(ROWS)


def test_an_instruction_and_what_it_is_about_are_one_turn(tmp_path: Path) -> None:
    row = {"instruction": "Translate.", "input": "Guten Tag", "output": "Good day"}
    [document], _ = read(as_json_lines(tmp_path, [row]))
    assert said(document) == [("user", "Translate.\n\nGuten Tag"), ("bot", "Good day")]


def test_documents_are_plain_texts_one_a_row(tmp_path: Path) -> None:
    rows = [{"text": "one\ntwo", "meta": 1}, {"text": "three"}]
    documents, _ = read(as_json_lines(tmp_path, rows))
    assert documents == [PlainText("one\ntwo"), PlainText("three")]


def test_strings_are_documents(tmp_path: Path) -> None:
    assert read(as_json_lines(tmp_path, ["one", "two"]))[0] == [PlainText("one"), PlainText("two")]
    assert read(as_array(tmp_path, ["one", "two"]))[0] == [PlainText("one"), PlainText("two")]


@pytest.mark.parametrize(
    "text",
    [
        '"Well, Prince," she said.\nAnd so on.',
        '"A whole line in quotes."\nAnother line.',
        "[Enter GHOST]\nWho's there?",
        "{curly} beginnings\n",
        "1984\nwas a year",
        "null\n",
        "[[Wiki]] text",
        "  <|user|> not at the beginning of a line",
        "PAR1 is not always parquet",
        "Hello\n<|user|>in the middle",
    ],
)
def test_prose_is_prose_however_it_begins(tmp_path: Path, text: str) -> None:
    assert plain(read(write_bytes(tmp_path / "x.txt", text.encode()))[0]) == text


@pytest.mark.parametrize(("name", "told"), [("x.xml", 1), ("x.txt", 0), ("x", 0), ("x.md", 0)])
def test_a_file_with_another_ending_is_text_and_that_is_told(
    tmp_path: Path, name: str, told: int
) -> None:
    path = write_bytes(tmp_path / name, b"<verse>In the beginning</verse>")
    documents, report = read(path)
    assert plain(documents) == "<verse>In the beginning</verse>"
    assert report.notices.total == told
    assert read(path, format="text")[1].notices.total == 0


def test_a_forced_plain_text_is_taken_as_it_is(tmp_path: Path) -> None:
    path = as_json_lines(tmp_path, ROWS["pairs"])
    assert plain(read(path, format="text")[0]) == path.read_text(encoding="utf-8")


# --- arrays --------------------------------------------------------------------------


def test_a_bad_element_is_skipped_and_those_behind_it_are_read(tmp_path: Path) -> None:
    good = json.dumps(ROWS["pairs"][0])
    text = "[\n" + ",\n".join([good] * 30 + ['{"user": oops}', '{"user": "a"'] + [good] * 30) + "]"
    with pytest.raises(DataError):  # the one that is not closed swallows all behind it
        read(write_bytes(tmp_path / "x.json", text.encode()))
    text = "[\n" + ",\n".join([good] * 30 + ['{"user": oops}'] + [good] * 30) + "]"
    documents, report = read(write_bytes(tmp_path / "x.json", text.encode()))
    assert len(documents) == 60
    [(wording, tally)] = report.skipped
    assert (wording, tally.count, tally.first.line) == ("it is not JSON", 1, 32)


@pytest.mark.parametrize("end", [",\n]", "\n", "", ",", "]]", "]\n"])
def test_an_array_with_an_odd_end_gives_its_elements(tmp_path: Path, end: str) -> None:
    text = "[" + json.dumps(ROWS["pairs"][0]) + end
    documents, _ = read(write_bytes(tmp_path / "x.json", text.encode()), allow_skips=True)
    assert [said(document) for document in documents] == [HELLO]


def test_an_array_cut_inside_an_element_counts_it(tmp_path: Path) -> None:
    text = json.dumps(ROWS["pairs"] * 40)[:-30]
    documents, report = read(write_bytes(tmp_path / "x.json", text.encode()))
    assert len(documents) == 39
    assert counts(report.skipped) == {"the last element was cut off": 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=30,
)


@given(st.lists(st.dictionaries(st.text(), JSON, min_size=1), max_size=12), st.integers(5, 60))
@settings(max_examples=50)
def test_arrays_come_apart_as_the_standard_parser_sees_them(
    values: list[Any], stretch: int
) -> None:
    import io

    from lumina_cli.data.readers import json_elements

    before, json_elements.STRETCH_CHARS = json_elements.STRETCH_CHARS, stretch
    try:
        file = io.StringIO(json.dumps(values, indent=1))
        found = list(json_elements.elements(file, path=Path("x")))
    finally:
        json_elements.STRETCH_CHARS = before
    assert [json.loads(element.text) for element in found] == values
    lines = json.dumps(values, indent=1).split("\n")
    assert all(element.text.startswith(lines[element.line - 1].strip()) for element in found)


@given(JSON, st.booleans())
def test_deep_parsing_gives_what_the_standard_parser_gives(value: Any, spread_out: bool) -> None:
    from lumina_cli.data.readers.json_deep import parse_deep

    assert parse_deep(json.dumps(value, indent=2 if spread_out else None)) == value


@given(st.text(alphabet='[]{}":,\\ntrue01 ', max_size=30))
def test_deep_parsing_refuses_what_the_standard_parser_refuses(text: str) -> None:
    from lumina_cli.data.readers.json_deep import parse_deep

    try:
        expected = json.JSONDecoder(strict=False).decode(text)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011  any of them
            parse_deep(text)
    else:
        assert parse_deep(text) == expected


# --- tagged text ---------------------------------------------------------------------


def tagged(folder: Path, text: str, **settings: Any) -> list[list[tuple[str, str]]]:
    documents, _ = read(write_bytes(folder / "x.txt", text.encode()), **settings)
    return [said(document) for document in documents]


def test_a_blank_line_ends_a_conversation_and_only_before_a_turn(tmp_path: Path) -> None:
    text = "<|user|>a\n<|bot|>b\n\nstill b\n<|user|>c\n<|bot|>d\n\n\n<|user|>e\n<|bot|>f\n"
    assert tagged(tmp_path, text) == [
        [("user", "a"), ("bot", "b\n\nstill b"), ("user", "c"), ("bot", "d")],
        [("user", "e"), ("bot", "f")],
    ]


def test_blank_lines_between_all_turns_keep_question_and_answer_together(tmp_path: Path) -> None:
    text = "<|user|>a\n\n<|bot|>b\n\n<|user|>c\n\n<|bot|>d"
    assert tagged(tmp_path, text) == [[("user", "a"), ("bot", "b")], [("user", "c"), ("bot", "d")]]


def test_a_system_turn_begins_a_conversation(tmp_path: Path) -> None:
    text = "<|system|>s\n<|user|>a\n<|bot|>b\n<|system|>t\n<|user|>c\n<|bot|>d"
    assert [turns[0] for turns in tagged(tmp_path, text)] == [("system", "s"), ("system", "t")]


def test_a_question_without_a_reply_does_not_run_into_the_next_conversation(
    tmp_path: Path,
) -> None:
    text = "<|system|>s\n\n<|user|>a\n<|bot|>b\n<|user|>c\n\n<|user|>d\n<|bot|>e"
    assert tagged(tmp_path, text) == [
        [("system", "s"), ("user", "a"), ("bot", "b")],
        [("user", "d"), ("bot", "e")],
    ]


def test_tags_may_be_in_any_case_and_on_a_line_of_their_own(tmp_path: Path) -> None:
    text = "\ufeff\r\n<|USER|>\r\n Hello \r\n<|Assistant|>\tHi"
    assert tagged(tmp_path, text) == [[("user", "Hello"), ("bot", "Hi")]]


def test_tags_elsewhere_are_text(tmp_path: Path) -> None:
    text = "<|user|>a <|bot|>no\n <|bot|>no\n<|bo\nt|>no\n＜|bot|＞no\n<|end|>\n<|bot|>yes"
    expected = "a <|bot|>no\n <|bot|>no\n<|bo\nt|>no\n＜|bot|＞no\n<|end|>"
    assert tagged(tmp_path, text) == [[("user", expected), ("bot", "yes")]]


def test_a_tag_inside_a_line_is_told_for_what_it_is(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "x.txt", b"<|user|>a <|bot|> no\n<|bot|>yes")
    _, report = read(path)
    [(wording, tally)] = report.notices
    assert wording.startswith("a tag stands inside a line; it is read as text")
    assert (tally.example, str(tally.first)) == ("<|bot|>", f"{path}:1")


@pytest.mark.parametrize("end", ["\n", "\n\n", "\r\n"])
def test_chats_of_one_line_each_are_read_and_told(tmp_path: Path, end: str) -> None:
    lines = ["<|user|> a <|bot|> b", "<|system|> s <|user|> c <|bot|> d <|user|> e <|bot|> f"]
    path = write_bytes(tmp_path / "x.txt", end.join([*lines, "goes on"]).encode())
    documents, report = read(path)
    assert [said(document) for document in documents] == [
        [("user", "a"), ("bot", "b")],
        [
            ("system", "s"),
            ("user", "c"),
            ("bot", "d"),
            ("user", "e"),
            ("bot", "f" + end.replace("\r", "") + "goes on"),
        ],
    ]
    assert [wording for wording, _ in report.notices] == [
        "turns stand side by side in one line; each line that begins with a tag is a conversation"
    ]
    assert report.rows == 7


def test_text_before_the_first_tag_and_empty_turns_are_counted(tmp_path: Path) -> None:
    text = "Title\n<|user|>a\n<|bot|>\n<|bot|>b\n"
    path = write_bytes(tmp_path / "x.txt", text.encode())
    documents, report = read(path, format="tagged", allow_skips=True)
    assert [said(document) for document in documents] == [[("user", "a"), ("bot", "b")]]
    found = {wording: (tally.count, tally.first.line) for wording, tally in report.skipped}
    assert found == {"it stands before the first tag": (1, 1), "its text is empty": (1, 3)}


TURN_TEXT = st.text(st.characters(exclude_characters="\0\r<", exclude_categories=["Cs"])).map(
    lambda text: text.strip(" \t\n\ufeff")
)


@given(
    st.lists(
        st.lists(st.tuples(TURN_TEXT.filter(bool), TURN_TEXT.filter(bool)), min_size=1, max_size=4),
        min_size=1,
        max_size=4,
    )
)
def test_tagged_text_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, chats: list[list[tuple[str, str]]]
) -> None:
    text = "\n\n".join(
        "\n".join(f"<|user|>{user}\n<|bot|>{bot}" for user, bot in chat) for chat in chats
    )
    path = write_bytes(tmp_path_factory.getbasetemp() / "tagged.txt", text.encode())
    documents, _ = read(path)
    expected = [
        Conversation(
            tuple(
                Message(role, each)
                for turn in chat
                for role, each in zip(("user", "bot"), turn, strict=True)
            )
        )
        for chat in chats
    ]
    assert documents == expected


@needs_shared_data
def test_the_shared_tagged_file_is_read_whole() -> None:
    path = SHARED / "dialogue" / "chatterbot_english.chat.txt"
    documents, report = read(path)
    text = path.read_text(encoding="utf-8")
    assert report.messages["bot"] == text.count("<|bot|>")
    assert report.rows == text.count("<|user|>") + text.count("<|bot|>")
    conversations = text.split("\n\n<|user|>")
    assert len(documents) == sum("<|bot|>" in conversation for conversation in conversations)


# --- mending -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "café naïve Träumen",
        "“curly” – it’s",
        "Привет, мир",
        "日本語 テスト",
        "emoji 😀 and text",
    ],
)
@pytest.mark.parametrize("wrong", ["latin-1", "cp1252"])
def test_mojibake_is_noticed_and_mended_on_demand(tmp_path: Path, text: str, wrong: str) -> None:
    try:
        garbled = text.encode().decode(wrong)
    except UnicodeDecodeError:
        garbled = "".join(
            bytes([byte]).decode(wrong, "ignore") or chr(byte) for byte in text.encode()
        )
    path = write_bytes(tmp_path / "x.txt", f"first line\n{garbled}\nlast".encode())
    documents, report = read(path)
    assert plain(documents) == f"first line\n{garbled}\nlast"
    [(wording, tally)] = report.notices
    assert "--fix-mojibake" in wording
    assert tally.first.line == 2
    assert plain(read(path, fix_mojibake=True)[0]) == f"first line\n{text}\nlast"


@given(st.text(st.characters(max_codepoint=0x2FFF, exclude_categories=["Cs"])))
def test_garbling_is_undone_line_by_line(text: str) -> None:
    from lumina_cli.data.text_repair import mend_mojibake

    garbled = text.encode().decode("latin-1")
    mended = mend_mojibake(garbled)
    lines = zip(text.split("\n"), garbled.split("\n"), mended.split("\n"), strict=True)
    for original, as_garbled, as_mended in lines:
        assert as_mended == (original if not original.isascii() else as_garbled)


def test_tags_of_another_chat_format_are_told_and_stay(tmp_path: Path) -> None:
    row = {"input": "It says ### Human: Hi ### Assistant:", "output": "Hello"}
    [document], report = read(as_json_lines(tmp_path, [row]))
    assert said(document) == [("user", row["input"]), ("bot", "Hello")]
    [(wording, tally)] = report.notices
    assert "tags of another chat format" in wording
    assert tally.example == "### Human:"


@needs_shared_data
@pytest.mark.parametrize(
    "name", ["text", "lang/udhr", "lang/wikipedia-50k", "lang/german-faust1-utf8.txt", "unicode"]
)
def test_sound_texts_are_not_taken_for_garbled(name: str) -> None:
    _, report = read(SHARED / name)
    assert [wording for wording, _ in report.notices if "garbled" in wording] == []
