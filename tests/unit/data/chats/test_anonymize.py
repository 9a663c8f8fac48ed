"""What tells who somebody is, replaced."""

import pytest

from lumina_cli.conversation import Conversation, Message, PlainText
from lumina_cli.data.chats.anonymize import Anonymizer
from lumina_cli.data.report import ReadReport
from tests.unit.data.chats.chatting import NOWHERE
from tests.unit.data.reading import counts

NAMES = ["Anna Müller", "Ben", "李明", "+49 151 2345678"]


def anonymized(text: str) -> str:
    return Anonymizer(NAMES, report=ReadReport()).text(text, location=NOWHERE)


REPLACED = {
    "hi anna, it is Ben's": "hi Name1, it is Name2's",
    "Anna Müller and MÜLLER": "Name1 and Name1",
    "Annas Hund, Bennett": "Name1s Hund, Bennett",
    "你好李明在吗": "你好Name3在吗",
    "@anna_91 and @Eve": "@Someone1 and @Someone2",
    "write to a.b+c@mail.example.com!": "write to Mail1!",
    "see https://x.org/a?b=c and www.y.de": "see Web1 and Web2",
    "youtube.com/watch?v=1 youtube.com": "Web1 Web2",
    "call +49 151 2345678 or 0049 151 2345678": "call Phone1 or Phone1",
    "(030) 123 45 67, then 0171-2345678": "Phone1, then Phone2",
}


@pytest.mark.parametrize("text", REPLACED)
def test_names_numbers_and_addresses_are_replaced(text: str) -> None:
    assert anonymized(text) == REPLACED[text]


@pytest.mark.parametrize(
    "text",
    ["on 23.01.2021 at 21:05", "2021-01-23", "1,000,000 or 1.000.000", "12345", "e.g. this", "a@b"],
)
def test_what_tells_nobody_stays(text: str) -> None:
    assert anonymized(text) == text


def test_the_same_is_replaced_by_the_same_everywhere_and_counted() -> None:
    report = ReadReport()
    anonymizer = Anonymizer(NAMES, report=report)
    first = Conversation((Message("user", "Eve@x.org to Ben"), Message("bot", "from eve@x.org")))
    found = anonymizer.document(first, location=NOWHERE)
    assert isinstance(found, Conversation)
    assert [message.text for message in found.messages] == ["Mail1 to Name2", "from Mail1"]
    text = anonymizer.document(PlainText("BEN: f@x.org"), location=NOWHERE)
    assert text == PlainText("Name2: Mail2")
    assert counts(report.notices) == {
        "an e-mail address was replaced (--anonymize)": 3,
        "a name was replaced (--anonymize)": 2,
    }


def test_a_speaker_who_is_only_called_me_is_no_name() -> None:
    assert Anonymizer(["Me"], report=ReadReport()).text("me too", location=NOWHERE) == "me too"
