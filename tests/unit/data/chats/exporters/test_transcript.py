"""Transcripts: a name and a colon."""

from pathlib import Path

import pytest

from lumina_cli.data.chats.app_lines import APP
from lumina_cli.data.chats.exporters.transcript import find_script
from tests.unit.data.chats.chatting import heard, lines
from tests.unit.data.reading import counts, plain, read, said, write_bytes

TALK = "Anna: Hello\nBen: Hi!\nHow are you?\nAnna: fine\n\nAnna: again\nBen: yes\n"


def test_turns_are_read_and_a_blank_line_begins_a_conversation() -> None:
    messages, report = heard(TALK)
    assert lines(messages) == [
        ("Anna", "Hello"),
        ("Ben", "Hi!\nHow are you?"),
        ("Anna", "fine"),
        ("Anna", "again"),
        ("Ben", "yes"),
    ]
    assert [message.begins for message in messages] == [False, False, False, True, False]
    assert report.rows == 5


def test_blank_lines_between_all_turns_divide_nothing() -> None:
    messages, _ = heard(TALK.replace("\n", "\n\n"))
    assert not any(message.begins for message in messages)


def test_names_of_roles_say_who_the_bot_is(tmp_path: Path) -> None:
    path = write_bytes(
        tmp_path / "x.txt", b"Q: What?\nA: That.\n\nQ: Who?\nA: Me.\nQ: Oh\nA: Yes\n"
    )
    documents, report = read(path)
    assert [said(document) for document in documents] == [
        [("user", "What?"), ("bot", "That.")],
        [("user", "Who?"), ("bot", "Me."), ("user", "Oh"), ("bot", "Yes")],
    ]
    assert not report.notices.total


def test_names_may_be_of_any_script() -> None:
    messages, _ = heard("안나：안녕\n벤：응\n안나：잘 지내?\n벤：응, 너는?\n")
    assert lines(messages)[:2] == [("안나", "안녕"), ("벤", "응")]


NO_TALK = {
    "a play": "First Citizen:\nBefore we proceed\n\nAll:\nSpeak, speak.\n" * 20,
    "prose": "".join(
        f"He said {word}: no. She left.\n" for word in ("once", "twice", "again", "then", "so")
    ),
    "settings": "name: a\nage: 4\nname: b\nage: 5\n",
    "headings": "".join(f"Chapter {number}: a title\n" for number in range(20)),
    "a log": "INFO: started\nERROR: failed\n" * 10,
    "mail": "From: a@x.org\nTo: b@x.org\nSubject: Re\nDate: Mon, 2 Nov 2026\n\nHi\n\n" * 20,
    "addresses": "https://x.org\nhttps://y.org\n" * 10,
}


@pytest.mark.parametrize("name", NO_TALK)
def test_other_texts_are_no_transcripts(name: str) -> None:
    path = Path("x.yml" if name == "settings" else "x.txt")
    assert find_script(NO_TALK[name], path=path) is None


def test_who_wants_it_as_plain_text_says_so(tmp_path: Path) -> None:
    documents, _ = read(write_bytes(tmp_path / "x.txt", TALK.encode()), format="text")
    assert plain(documents) == TALK


@pytest.mark.parametrize(
    "form",
    ["**{}:** {}", "**{}**: {}", "{} [12:30]: {}", "{} (9:05 pm): {}", "[00:12:30] {}: {}"],
)
def test_names_may_be_bold_or_beside_a_time(form: str) -> None:
    said = [("Anna Ö.", "Hello"), ("Ben", "**no** [1]: x"), ("Anna Ö.", "At 12:30"), ("Ben", "ok")]
    text = "\n".join(form.format(*each) for each in said)
    assert lines(heard(text)[0]) == said


@pytest.mark.parametrize(
    "form",
    ["{}: {}", "{}:\n{}", "### {}:\n{}", "**{}:** {}", "- **{}**: {}", "{} said:\n{}"],
)
def test_roles_are_known_beside_other_words_before_a_colon(form: str) -> None:
    said = [
        ("You", "How?"),
        ("ChatGPT", "So:\nNote: slowly\nTea: a cup"),
        ("You", "Ah"),
        ("ChatGPT", "Yes"),
    ]
    messages, _ = heard("\n\n".join(form.format(*each) for each in said), name="x.md")
    assert [(message.role, message.text) for message in messages] == [
        ("user" if name == "You" else "bot", text) for name, text in said
    ]


def test_nicknames_of_irc_are_read_and_its_notices_left_out() -> None:
    text = "[21:05] <@anna> Hi\n[21:06] <ben> Yo: you\n[21:06] * ben waves\n[21:07] <@anna> Bye\n"
    messages, report = heard(text + "[21:08] --> cleo joined\n[21:09] <ben> cu\n", name="x.log")
    assert lines(messages) == [("anna", "Hi"), ("ben", "Yo: you"), ("anna", "Bye"), ("ben", "cu")]
    assert counts(report.left_out) == {APP: 2}


@pytest.mark.parametrize(
    "text",
    [
        "# Tea\n\nNote: hot\n\n# Milk\n\nNote: cold\n",
        "- Name: Tea\n- Price: 2\n- Name: Milk\n- Price: 1\n- Name: Rum\n- Price: 9\n",
        "First:\nDo this.\n\nSecond:\nDo that.\n\nFirst:\nAgain.\n\nSecond:\nAgain.\n",
    ],
)
def test_headings_and_lists_are_no_turns(text: str) -> None:
    assert find_script(text, path=Path("x.md")) is None
