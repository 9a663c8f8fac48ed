"""WhatsApp in its forms and languages, and the tools that write alike."""

import pytest

from lumina_cli.data.chats.app_lines import APP, CALL, DELETED, EDITED, EMPTY, MEDIA
from lumina_cli.data.chats.exporters.dated_lines import find_dialect
from tests.unit.data.chats.chatting import heard, hours_between, lines
from tests.unit.data.reading import counts

# two messages, one hour and a half apart, over noon
FORMS = {
    "Android, German": ["23.01.21, 11:30 - {}", "23.01.21, 13:00 - {}"],
    "iOS, German": ["[23.01.21, 11:30:00] {}", "[23.01.21, 13:00:00] {}"],
    "iOS with a mark": ["\u200e[23.01.21, 11:30:00] {}", "[23.01.21, 13:00:00] {}"],
    "US": ["1/23/21, 11:30\u202fAM - {}", "1/23/21, 1:00\u202fPM - {}"],
    "iOS, US": ["[1/23/21, 11:30:00\u202fAM] {}", "[1/23/21, 1:00:00\u202fPM] {}"],
    "Canada": ["2021-01-23, 11:30 a.m. - {}", "2021-01-23, 1:00 p.m. - {}"],
    "French Canada": ["2021-01-23 11 h 30 - {}", "2021-01-23 13 h 00 - {}"],
    "France": ["23/01/2021 à 11:30 - {}", "23/01/2021 à 13:00 - {}"],
    "Spain": ["23/1/21, 11:30\u00a0a.\u00a0m. - {}", "23/1/21, 1:00\u00a0p.\u00a0m. - {}"],
    "Brazil": ["23/01/2021 11:30 - {}", "23/01/2021 13:00 - {}"],
    "Netherlands": ["[23-01-2021 11:30:00] {}", "[23-01-2021 13:00:00] {}"],
    "Sweden": ["2021-01-23 11:30 - {}", "2021-01-23 13:00 - {}"],
    "Denmark": ["23.01.2021 11.30 - {}", "23.01.2021 13.00 - {}"],
    "Finland": ["23.1.2021 klo 11.30 - {}", "23.1.2021 klo 13.00 - {}"],
    "Hungary": ["2021. 01. 23. 11:30 - {}", "2021. 01. 23. 13:00 - {}"],
    "Slovakia": ["23. 1. 2021, 11:30 - {}", "23. 1. 2021, 13:00 - {}"],
    "Bulgaria": ["23.01.21 г., 11:30 ч. - {}", "23.01.21 г., 13:00 ч. - {}"],
    "Albania": ["23.1.2021, 11:30 e paradites - {}", "23.1.2021, 1:00 e pasdites - {}"],
    "Greece": ["23/1/21, 11:30 π.μ. - {}", "23/1/21, 1:00 μ.μ. - {}"],
    "Indonesia": ["23/01/21 11.30 - {}", "23/01/21 13.00 - {}"],
    "Japan": ["[2021/01/23 11:30:00] {}", "[2021/01/23 13:00:00] {}"],
    "Korea": ["2021. 1. 23. 오전 11:30 - {}", "2021. 1. 23. 오후 1:00 - {}"],
    "China": ["2021/1/23 上午11:30 - {}", "2021/1/23 下午1:00 - {}"],
    "Vietnam": ["11:30, 23/01/2021 - {}", "13:00, 23/01/2021 - {}"],
    "Thailand": ["23/1/2564 11:30 - {}", "23/1/2564 13:00 - {}"],
    "Tamil": ["23/1/21, முற்பகல் 11:30 - {}", "23/1/21, பிற்பகல் 1:00 - {}"],
    "Arabic": [
        "\u200f٢٣\u200f/١\u200f/٢٠٢١, ١١:٣٠ ص - {}",
        "\u200f٢٣\u200f/١\u200f/٢٠٢١, ١:٠٠ م - {}",
    ],
    "Persian": ["۱۳۹۹/۱۱/۴،\u200f ۱۱:۳۰ - {}", "۱۳۹۹/۱۱/۴،\u200f ۱۳:۰۰ - {}"],
    "old iOS": ["23.01.21 11.30.00: {}", "23.01.21 13.00.00: {}"],
    "Viber": ["[ 23/01/2021 11:30 ]{}", "[ 23/01/2021 13:00 ]{}"],
    "month by name": ["Jan 23, 2021 11:30 - {}", "Jan 23, 2021 13:00 - {}"],
    "day, then month by name": ["23 ene 2021, 11:30 - {}", "23 ene 2021, 13:00 - {}"],
    "signalbackup-tools": ["[Jan 23, 2021 11:30:00] {}", "[Jan 23, 2021 13:00:00] {}"],
    "sigtop": ["2021-01-23 11:30 {}", "2021-01-23 13:00 {}"],
    "KakaoTalk": ["2021년 1월 23일 오전 11:30, {}", "2021년 1월 23일 오후 1:00, {}"],
}


@pytest.mark.parametrize("form", FORMS)
def test_dates_in_all_these_forms_begin_a_message(form: str) -> None:
    first, second = FORMS[form]
    text = f"{first.format('Anna Ö.: Hello: you')}\nand more\n{second.format('Ben: Hi')}\n"
    messages, report = heard(text)
    assert lines(messages) == [("Anna Ö.", "Hello: you\nand more"), ("Ben", "Hi")]
    assert hours_between(messages) == [1.5]
    assert [message.location.line for message in messages] == [1, 3]
    assert report.rows == 2
    assert not report.left_out.total + report.skipped.total


ORDERS = {
    # hours from one message to the next, by the order of days and months that makes sense
    "a day beyond twelve, later": (["03/04/21", "04/04/21", "13/04/21"], [24, 216]),
    "a month cannot be beyond twelve": (["03/04/21", "03/05/21", "03/13/21"], [24, 192]),
    "people talk every day, not every month": (["03/04/21", "03/05/21", "03/06/21"], [24, 24]),
    "the same with the day in front": (["03/04/21", "04/04/21", "05/04/21"], [24, 24]),
    "time does not go back": (["30/04/21", "01/05/21"], [24]),
    "two figures of a year in front": (["21-01-30", "21-01-31", "21-02-01"], [24, 24]),
}


@pytest.mark.parametrize("case", ORDERS)
def test_the_order_of_a_date_is_decided_over_the_whole_beginning(case: str) -> None:
    days, hours = ORDERS[case]
    messages, _ = heard("".join(f"{day}, 10:00 - Anna: a\n{day}, 10:00 - Ben: b\n" for day in days))
    assert hours_between(messages[::2]) == hours


def test_words_for_the_halves_of_a_day_are_learnt_from_the_file() -> None:
    text = "23/1/21, 11:30 xu - Anna: a\n23/1/21, 1:00 zy - Ben: b\n24/1/21, 1:00 xu - Anna: c\n"
    assert hours_between(heard(text)[0]) == [1.5, 12.0]


APPS = {
    "no speaker": ("Anna added Ben", APP),
    "a name of a group with a colon": ('You created group "Trip: 2021"', APP),
    "the same between single quotes": ("Anna heeft 'A: x' gewijzigd in 'B: y'", APP),
    "iOS marks its own words": ("Anna: \u200eAnna created this group", APP),
    "a poll": ("Anna: \u200eABSTIMMUNG:\nWohin?\n\u200eOPTION: Rom (\u200e1 Stimme)", APP),
    "media left out on Android": ("Anna: <Без медиафайлов>", MEDIA),
    "media left out on iOS": ("Anna: \u200e画像が含まれていません", MEDIA),
    "the same in words": ("Anna: \u200eimagen omitida", MEDIA),
    "a document in the archive": (
        "Anna: list.pdf • \u200e2 pages \u200e<attached: 00002-list.pdf>",
        MEDIA,
    ),
    "a poll on Android": (
        "Anna: POLL:\nWhere?\nOPTION: Rome (2 votes)\nOPTION: Oslo: north (0 votes)",
        APP,
    ),
    "a call on Android": ("Anna: Chamada de voz perdida", CALL),
    "the app's words without spaces": (
        "Anna: \u200eメッセージと通話はエンドツーエンドで暗号化されています。",
        APP,
    ),
    "a call": ("Anna: \u200eVoice call. \u200eTap to call back", APP),
    "a file that is attached": ("Anna: IMG-1.jpg (archivo adjunto)", MEDIA),
    "a file that is attached on iOS": ("Anna: \u200e<attached: 00001-PHOTO.jpg>", MEDIA),
    "a document": ("Anna: list.pdf • \u200e2 pages \u200edocument omitted", MEDIA),
    "seen once": ("Anna: null", MEDIA),
    "a place": ("Anna: Standort: https://maps.google.com/?q=52.5,13.4", MEDIA),
    "deleted": ("Anna: Данное сообщение удалено", DELETED),
    "deleted, in Chinese": ("Anna: 已刪除此訊息", DELETED),
    "deleted, with a mark": ("Anna: \u200eEliminaste este mensaje.", DELETED),
    "nothing": ("Anna: ", EMPTY),
}


@pytest.mark.parametrize("case", APPS)
def test_what_nobody_said_is_left_out_and_counted(case: str) -> None:
    said, wording = APPS[case]
    messages, report = heard(
        f"23.01.21, 21:05 - Ben: Hi\n23.01.21, 21:06 - {said}\n23.01.21, 21:07 - Ben: Ho\n"
    )
    assert lines(messages) == [("Ben", "Hi"), ("Ben", "Ho")]
    assert counts(report.left_out) == {wording: 1}
    assert report.rows == 3


KEPT = {
    "a caption": ("IMG-1.jpg (Datei angehängt)\nSchau!", "Schau!", MEDIA),
    "a caption on iOS": ("See \u200e<attached: 00001-PHOTO.jpg>", "See", MEDIA),
    "an edited message": ("Hi there \u200e<This message was edited>", "Hi there", EDITED),
    "an edited message on Android": ("Hallo <Diese Nachricht wurde bearbeitet.>", "Hallo", EDITED),
    "a mention": ("hi @\u2068Anna\u2069 !", "hi @Anna !", None),
    "a heart": ("I <3 you (a lot)", "I <3 you (a lot)", None),
    "a link with a colon": ("see https://x.org: good", "see https://x.org: good", None),
    "a line with another date": ("look\n[1/2/21, 3:04 PM] no", "look\n[1/2/21, 3:04 PM] no", None),
}


@pytest.mark.parametrize("case", KEPT)
def test_what_somebody_said_is_kept(case: str) -> None:
    said, kept, wording = KEPT[case]
    messages, report = heard(f"23.01.21, 21:06 - Ben: {said}\n23.01.21, 21:07 - Anna: Ho\n")
    assert lines(messages) == [("Ben", kept), ("Anna", "Ho")]
    assert list(counts(report.left_out)) == ([wording] if wording else [])


def test_signalbackup_tools_writes_names_in_brackets() -> None:
    messages, report = heard(
        "[Jan 23, 2021 21:05:00] *** You created the group\n"
        "[Jan 23, 2021 21:05:10] <Anna> Hello\n"
        '[Jan 23, 2021 21:05:20] *** <Ben> sent file "a.jpg"\n'
        "[Jan 23, 2021 21:05:30] <Ben> Hi\n"
    )
    assert lines(messages) == [("Anna", "Hello"), ("Ben", "Hi")]
    assert counts(report.left_out) == {APP: 1, MEDIA: 1}


def test_sigtop_tells_more_before_the_text() -> None:
    messages, report = heard(
        "2021-01-23 21:05 You: Hi\n"
        "2021-01-23 21:06 Ben: [reply to You on 2021-01-23 21:05, 1 attachment] Ho\n"
        "2021-01-23 21:07 Ben: [call-history message]\n"
    )
    assert lines(messages) == [("You", "Hi"), ("Ben", "Ho")]
    assert counts(report.left_out) == {MEDIA: 1, APP: 1}


def test_a_name_may_hold_an_apostrophe_and_a_nickname() -> None:
    messages, _ = heard("23.01.21, 21:05 - Jo O'Neil: a\n23.01.21, 21:06 - Jo 'the cat' Ho: b\n")
    assert [message.speaker for message in messages] == ["Jo O'Neil", "Jo 'the cat' Ho"]


def test_a_name_loses_what_the_app_puts_around_it() -> None:
    messages, _ = heard(
        "[23.01.21, 21:05:00] ~\u202fAnna: Hi\n"
        "[23.01.21, 21:06:00] \u202a+49 151 234567\u202c: Ho\n"
    )
    assert [message.speaker for message in messages] == ["Anna", "+49 151 234567"]


NO_CHATS = [
    "",
    "It was a bright cold day in April, and the clocks were striking thirteen.\n" * 40,
    "2021-01-23 21:05:00 INFO: started\n2021-01-23 21:05:01 ERROR: stopped\n",
    "1. Boil water: 10:30 minutes\n2. Add tea: 3:00 minutes\n",
    "".join(f"2021-01-{day:02} 10:00 - Topic {day}: notes\n" for day in range(1, 29)),
    "[1] Smith: A book, 10:30\n[2] Miller: Another\n",
]


@pytest.mark.parametrize("text", NO_CHATS)
def test_other_texts_are_no_chats(text: str) -> None:
    assert find_dialect(text) is None


def test_lines_before_the_first_message_are_counted() -> None:
    messages, report = heard("Chat history\n\n23.01.21, 21:05 - A: x\n23.01.21, 21:06 - B: y\n")
    assert lines(messages) == [("A", "x"), ("B", "y")]
    assert counts(report.left_out) == {"a line before the first message": 1}


KAKAOTALK = """Anna 님과 카카오톡 대화
저장한 날짜 : 2021년 1월 24일 오전 10:00

2021년 1월 23일 토요일
2021년 1월 23일 오후 9:05, Anna : 안녕
2021년 1월 23일 오후 9:06, Ben Lee : Hi: you
How are you?
2021년 1월 23일 오후 9:07: Ben Lee님이 나갔습니다.
2021년 1월 23일 오후 9:08, Anna : 이모티콘

2021년 1월 24일 일요일
2021년 1월 24일 오전 12:05
2021년 1월 24일 오전 12:05, Anna : 끝
"""


def test_headings_and_lines_of_kakaotalk_are_nobodys() -> None:
    messages, report = heard(KAKAOTALK)
    assert lines(messages) == [
        ("Anna", "안녕"),
        ("Ben Lee", "Hi: you\nHow are you?"),
        ("Anna", "끝"),
    ]
    assert hours_between(messages) == [0.02, 2.98]
    left_out = {"a line before the first message": 2, APP: 1, MEDIA: 1}
    assert counts(report.left_out) == left_out
    assert list(*report.formats.values()) == ["kakaotalk"]


def test_kakaotalk_in_english_writes_a_word_before_the_time() -> None:
    text = "Jan 23, 2021 at 21:05, Anna : Hello\nJan 23, 2021 at 21:06, Ben : Photo\n"
    messages, report = heard(f"KakaoTalk Chats with Anna\n\n{text}{text}")
    assert lines(messages) == [("Anna", "Hello")] * 2
    assert report.left_out[MEDIA] == 2


def test_marks_of_both_directions_begin_a_line_of_the_app() -> None:
    text = "[٢٣/١/٢٠٢١, ٩:٠٤ م] أحمد: \u200f\u200eالرسائل مشفرة تمامًا بين الطرفين.\n"
    messages, report = heard(text + "[٢٣/١/٢٠٢١, ٩:٠٥ م] أحمد: \u200fمرحبا\n")
    assert lines(messages) == [("أحمد", "مرحبا")]
    assert counts(report.left_out) == {APP: 1}
