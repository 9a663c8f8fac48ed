"""LINE and KakaoTalk, whose headings name the day."""

import pytest

from lumina_cli.data.chats.app_lines import APP, CALL, DELETED, MEDIA
from lumina_cli.data.chats.exporters.timed_lines import find_form
from tests.unit.data.chats.chatting import heard, hours_between, lines
from tests.unit.data.reading import counts

HEADINGS = {
    # the 23rd, then the 24th of January 2021
    "Japanese": ("2021/01/23(土)", "2021/01/24(日)"),
    "Chinese": ("2021/1/23周六", "2021/1/24周日"),
    "Taiwanese": ("2021/01/23（六）", "2021/01/24（日）"),
    "English": ("Sat, 01/23/2021", "Sun, 01/24/2021"),
    "on a computer": ("2021.01.23 Saturday", "2021.01.24 Sunday"),
    "Korean": ("2021년 1월 23일 토요일", "2021년 1월 24일 일요일"),
    "between hyphens": (
        "------ 2021년 1월 23일 토요일 ------",
        "------ 2021년 1월 24일 일요일 ------",
    ),
    "English, between hyphens": (
        "--------------- Saturday, January 23, 2021 ---------------",
        "--------------- Sunday, January 24, 2021 ---------------",
    ),
}


@pytest.mark.parametrize("heading", HEADINGS)
@pytest.mark.parametrize("form", ["{2}\t{0}\t{1}", "[{0}] [{2}] {1}"])
def test_a_heading_tells_the_day_of_what_follows(heading: str, form: str) -> None:
    first, second = HEADINGS[heading]
    said = [
        form.format("Anna Ö.", "Hello: you", "21:30"),
        form.format("Ben", "Hi", "22:00"),
        form.format("Ben", "Up?", "0:30"),
    ]
    text = f"\ufeff{first}\n{said[0]}\nand more\n{said[1]}\n\n{second}\n{said[2]}\n"
    messages, report = heard(text)
    assert lines(messages) == [("Anna Ö.", "Hello: you\nand more"), ("Ben", "Hi"), ("Ben", "Up?")]
    assert hours_between(messages) == [0.5, 2.5]
    assert [message.location.line for message in messages] == [2, 4, 7]
    assert not report.left_out.total


LINE = """[LINE] Anna とのトーク履歴
保存日時：2021/01/24 10:00

2021/01/23(土)
午後9:05\tAnna\tこんにちは
午後9:06\tBen 田中\t"元気？
""私""は元気"
午後9:07\tAnna\t[スタンプ]
午後9:08\tAnna\t[ファイル] plan.pdf
午後9:08\tAnnaがメッセージの送信を取り消しました
午後9:09\tBen 田中\t☎ 通話時間 1:23
午後9:10\t\tBen 田中が退出しました。

2021/01/24(日)
午前0:06\tAnna\t[笑] おはよう
"""


def test_line_marks_media_calls_and_texts_of_several_lines() -> None:
    messages, report = heard(LINE)
    assert lines(messages) == [
        ("Anna", "こんにちは"),
        ("Ben 田中", '元気？\n"私"は元気'),
        ("Anna", "[笑] おはよう"),
    ]
    assert hours_between(messages) == [0.02, 3.0]
    assert counts(report.left_out) == {MEDIA: 2, APP: 2, CALL: 1}
    assert report.rows == 8


def test_where_spaces_divide_names_are_what_comes_again() -> None:
    said = ["Anna Lee hello you", "Ben hi", "Anna Lee what", "Anna Lee Stickers", "Anna Lee bye"]
    said += ["Ben unsent a message.", "Ben Photos", "Cleo joined the chat."]
    text = "2021.01.23 Saturday\n" + "".join(f"21:0{n} {each}\n" for n, each in enumerate(said))
    messages, report = heard(text.replace("what\n", "what\nis up?\n"))
    assert lines(messages) == [
        ("Anna Lee", "hello you"),
        ("Ben", "hi"),
        ("Anna Lee", "what\nis up?"),
        ("Anna Lee", "bye"),
    ]
    assert counts(report.left_out) == {MEDIA: 2, DELETED: 1, APP: 1}


KAKAOTALK = """Anna 님과 카카오톡 대화
저장한 날짜 : 2021-01-24 10:00:00

--------------- 2021년 1월 23일 토요일 ---------------
[Anna] [오후 9:05] 안녕
[Ben [회사]] [오후 9:06] Hi!
How are you?

[Cleo]
Cleo님이 들어왔습니다.
[Anna] [오후 9:07] 사진 3장
[Anna] [오후 9:08] 보이스톡 1:23
[Anna] [오후 9:09] 삭제된 메시지입니다.
--------------- 2021년 1월 24일 일요일 ---------------
[Anna] [오전 12:05] 끝
"""


def test_kakaotalk_writes_words_for_media_and_its_own_lines_without_a_time() -> None:
    messages, report = heard(KAKAOTALK)
    assert lines(messages) == [
        ("Anna", "안녕"),
        ("Ben [회사]", "Hi!\nHow are you?\n\n[Cleo]"),
        ("Anna", "끝"),
    ]
    assert hours_between(messages) == [0.02, 2.98]
    assert counts(report.left_out) == {APP: 1, MEDIA: 1, CALL: 1, DELETED: 1}


@pytest.mark.parametrize(
    "text",
    [
        "2021/01/23(土)\n10:00 Breakfast in the hall\n11:00 Talk by Anna\n12:00 Lunch for all\n",
        "2021.01.23 Saturday\nIt rained.\n2021.01.24 Sunday\nIt did not.\n",
        "21:05\tAnna\tHello\n21:06\tBen\tHi\n",
        "[Anna] [21:05] Hello\n",
    ],
)
def test_a_programme_a_diary_and_times_without_a_day_are_no_chat(text: str) -> None:
    assert find_form(text) is None
