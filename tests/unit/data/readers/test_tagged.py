"""Tagged text: who speaks, and where a conversation ends."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.conversation import Conversation, Message
from tests.unit.data.reading import SHARED, needs_shared_data, read, said, write_bytes


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
    found = {wording: (issue.count, issue.first.line) for wording, issue in report.skipped}
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
