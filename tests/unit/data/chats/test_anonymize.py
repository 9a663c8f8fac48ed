"""What tells who somebody is, replaced."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumina_cli.conversation import Conversation, Message, PlainText
from lumina_cli.data.chats import anonymize
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


NAMED = {
    # a name, what is written, and what is left of it
    "without its accents": ("José Núñez", "Jose, nunez!", "Name1, Name1!"),
    "with accents that the name lacks": ("Jose", "José", "Name1"),
    "without its stroke": ("Łukasz", "Lukasz", "Name1"),
    "with its umlauts spelled out": ("Jörg Müller", "Joerg Mueller", "Name1"),
    "Hindi, whose vowels are signs": ("राज", "हाँ राज, राजा", "हाँ Name1, राजा"),
    "Arabic, before its comma": ("أحمد علي", "يا أحمد، نعم", "يا Name1، نعم"),
    "without its apostrophe": ("Ben O'Neil", "ask Oneil", "ask Name1"),
    "without its hyphen": ("Anna-Lena", "annalena", "Name1"),
    "of two letters": ("Jo Smith", "Jo is so jo", "Name1 is so jo"),
    "a particle": ("Ann de Wit", "De wit", "De Name1"),
    "Turkish, typed abroad": ("İbrahim Işık", "ibrahim IŞIK", "Name1"),
    "Korean, with particles": ("김민수", "김민수가 왔어, 민수야", "Name1가 왔어, Name1야"),
    "Japanese, family and given name": ("田中太郎", "田中さん、太郎くん", "Name1さん、Name1くん"),
    "Chinese, the given name": ("李小龍", "小龍來了", "Name1來了"),
}


@pytest.mark.parametrize("case", NAMED)
def test_a_name_is_found_in_the_forms_in_which_people_write_it(case: str) -> None:
    name, text, expected = NAMED[case]
    assert Anonymizer([name], report=ReadReport()).text(text, location=NOWHERE) == expected


PHONES = {
    "tel:+15551234567.": "tel:Phone1.",
    "Tel.:0151 2345678": "Tel.:Phone1",
    "-0151 2345678": "-Phone1",
    "0151 2345678: call": "Phone1: call",
    "0151 / 2345678": "Phone1",
    "0151 2345678 / 0171 2345678": "Phone1 / Phone2",
    "06 12 34 56 78 / 06 98 76 54 32": "Phone1 / Phone2",
    "010-1234-5678 / (11) 98765-4321": "Phone1 / Phone2",
    "電話は090-1234-5678です": "電話はPhone1です",
    "010-1234-5678로 전화해": "Phone1로 전화해",
    "DE89 3704 0044 0532 0130 00": "DE89 Phone1",
    "4111 1111 1111 1111": "Phone1",
}


@pytest.mark.parametrize("text", PHONES)
def test_numbers_are_found_beside_others_and_beside_letters(text: str) -> None:
    assert anonymized(text) == PHONES[text]


@pytest.mark.parametrize(
    "text",
    ["1 2 3 4 5 6 7 8 9 10 11 12 13 14", "from 01.02.2021 10:00 - 05.02.2021 11:00", "1 000 000"],
)
def test_other_rows_of_digits_stay(text: str) -> None:
    assert anonymized(text) == text


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


ODD_PARTS = [
    *(*NAMES, "Anna", "annas", "müller", "Mu\u0308ller", "ANNA-MÜLLER", "Name1", "Name1-Name1"),
    *(
        "राजा",
        "a@b.co",
        "@anna",
        "@",
        "@Eve_1",
        "x@y",
        "+",
        "00",
        "0151",
        "2345678",
        " / ",
        "(030)",
    ),
    *("-", "12", "www.", "WWW.東京", "wwW.x", "http://", "x.org", "X.COM", "y.de/", "ſ.K", "e.g."),
    *("...", ".”", " ", "\n", "\n\n", "\u00a0", "\u200d", "_", "ß", "١٢٣٤٥٦٧", "\r", "\u2028"),
    *(":", "，", "<", '"'),
]


@given(st.lists(st.sampled_from(ODD_PARTS) | st.text(max_size=4), max_size=24).map("".join))
@settings(max_examples=100, deadline=None)
def test_looking_at_what_may_hold_something_finds_as_much_as_looking_at_all(text: str) -> None:
    report = ReadReport()
    found = Anonymizer(NAMES, report=report).text(text, location=NOWHERE)
    assert (found, counts(report.notices)) == plainly_anonymized(text)


def plainly_anonymized(text: str) -> tuple[str, dict[str, int]]:
    """Return a text anonymized pattern by pattern and word by word, and what was replaced."""
    num_replaced: Counter[str] = Counter()
    numbers: dict[str, dict[str, int]] = defaultdict(dict)
    names = Anonymizer(NAMES, report=ReadReport())

    def replaced(kind: str, word: str, form: Callable[[str], str]) -> Callable[..., str]:
        def replacement(match: re.Match[str]) -> str:
            num_replaced[f"{kind} was replaced (--anonymize)"] += 1
            return word + str(numbers[word].setdefault(form(match[0]), len(numbers[word]) + 1))

        return replacement

    text = anonymize._EMAIL.sub(replaced("an e-mail address", "Mail", str.lower), text)
    text = anonymize._WEB.sub(replaced("a web address", "Web", str), text)
    phone = replaced("a phone number", "Phone", anonymize._digits)
    text = anonymize._PHONE.sub(lambda found: anonymize._with_phones(found, phone), text)
    handle = replaced("a name behind an @", "@Someone", str.lower)
    text = anonymize._HANDLE.sub(
        lambda found: found[0] if names._is_name(found[0][1:]) else handle(found), text
    )

    def name(match: re.Match[str]) -> str:
        found = names._look_up(match[0])
        num_replaced["a name was replaced (--anonymize)"] += bool(found)
        return found or match[0]

    text = re.sub(r"\b(Name\d+)(?:[ \-]\1\b)+", r"\1", anonymize._WORD.sub(name, text))
    assert names._unspaced
    return names._unspaced.sub(name, text), dict(+num_replaced)
