"""QQ, Zoom and imessage-exporter, which write a line of its own above each message."""

import pytest

from lumina_cli.data.chats.app_lines import APP, DELETED, EMPTY, MEDIA
from lumina_cli.data.chats.exporters.headed import find_form
from tests.unit.data.chats.chatting import heard, hours_between, lines
from tests.unit.data.reading import counts

QQ = """\ufeff消息记录（此消息记录为文本格式，不支持重新导入）

================================================================
消息分组:我的好友
================================================================
消息对象:小鹿
================================================================

2021-01-23 9:05:33 小鹿(10001)
你好
在吗

2021-01-23 9:07:00 【群主】Ben <3(7)(22334455)
Hi: you

2021-01-23 10:07:00 小鹿(10001)
[图片]

2021-01-23 10:08:00 Ben<ben@example.org>


2021-01-23 10:09:00 系统消息(10000)
Ben 加入本群。

2021-01-23 10:10:00 小鹿(10001)
小鹿撤回了一条消息

================================================================
消息分组:我的群聊
================================================================
消息对象:Another
================================================================

2021-01-23 12:05:33 (10001)
Yes?
"""


def test_qq_writes_time_name_and_number_above_each_message() -> None:
    messages, report = heard(QQ)
    assert lines(messages) == [
        ("小鹿", "你好\n在吗"),
        ("Ben <3(7)", "Hi: you"),
        ("10001", "Yes?"),
    ]
    assert hours_between(messages) == [0.02, 2.98]
    assert [message.thread for message in messages[:2]] == [messages[0].thread] * 2
    assert messages[2].thread != messages[0].thread
    assert counts(report.left_out) == {MEDIA: 1, EMPTY: 1, APP: 1, DELETED: 1}


def test_qq_in_twelve_hours() -> None:
    text = "2021-01-23 11:59:59 AM A(10001)\nx\n\n2021-01-23 1:00:00 PM B(10002)\ny\n"
    assert hours_between(heard(text)[0]) == [1.0]


ZOOM = {
    "of today": """\
15:01:39 From Anna M to Everyone:
\tWhen do we eat: now?
15:01:45 From Ben to Everyone:
    Replying to "When do we eat..."

    At one
    or two
15:01:53 From Anna M to Everyone:
\tReacted to "At one" with 😂
15:02:00 From Anna M to Ben (Direct Message):
\tGood
15:02:01 From Anna M to Everyone:
\tRemoved a 😂 reaction from "At one"
""",
    "older": """\
15:01:39\t From  Anna M  to  Everyone : When do we eat: now?
15:01:45\t From  Ben  to  Everyone : At one
or two
15:02:00\t From  Anna M  to  Ben (Privately) : Good
""",
    "the oldest": """\
15:01:39\t From Anna M : When do we eat: now?
15:01:45\t From Ben : At one
or two
15:02:00\t From Anna M : Good
""",
    "of the cloud": """\
00:01:39\tAnna M:\tWhen do we eat: now?
00:01:45\tBen:\tAt one
or two
00:02:00\tAnna M:\tGood
""",
}


@pytest.mark.parametrize("version", ZOOM)
def test_zoom_writes_who_said_it_before_or_above_a_message(version: str) -> None:
    messages, report = heard(ZOOM[version].replace("\n", "\r\n").replace("\r\n", "\n"))
    assert lines(messages) == [
        ("Anna M", "When do we eat: now?"),
        ("Ben", "At one\nor two"),
        ("Anna M", "Good"),
    ]
    assert hours_between(messages) == [0.0, 0.0]
    assert counts(report.left_out) == ({APP: 2} if version == "of today" else {})
    assert [set(each) for each in report.formats.values()] == [{"zoom"}]


IMESSAGE = """\
May 17, 2022  5:30:00 PM (Read by them after 2 minutes)
Me
Hello: you

and more
Tapbacks:
    Loved by Anna

May 17, 2022 11:30:00 PM
+49 170 1234567
Hi
    May 18, 2022 12:30:00 AM
    Me
    nested

May 18, 2022 12:30:00 AM
Me
nested
This message responded to an earlier message.

May 18, 2022 12:31:00 AM
Me
attachments/1/photo of us.jpeg
Look
Sent with Confetti

May 18, 2022 12:32:00 AM Anna named the conversation Trip

May 18, 2022 12:33:00 AM
Anna
May 18, 2022 12:33:00 AM Tomorow
Edited 30 seconds later: Tomorrow

May 18, 2022 12:34:00 AM
Anna
Anna unsent this message part 3 seconds after sending!

"""


def test_imessage_exporter_writes_time_and_name_above_each_message() -> None:
    messages, report = heard(IMESSAGE)
    assert lines(messages) == [
        ("Me", "Hello: you\n\nand more"),
        ("+49 170 1234567", "Hi"),
        ("Me", "nested"),
        ("Me", "Look"),
        ("Anna", "Tomorrow"),
    ]
    assert hours_between(messages) == [6.0, 1.0, 0.02, 0.03]
    assert counts(report.left_out) == {MEDIA: 1, APP: 1, DELETED: 1}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "May 17, 2022  5:29:42 PM\n",
        "Born (1950)\n2021-01-23 a day (1234)\n",
        "10:00:00 From here to there: a walk of one hour, told at length\nand\nmore\nof\nit\nnow\n",
        "00:01:00\tcolumn\tanother\n00:02:00\tcolumn\tanother\n",
    ],
)
def test_other_texts_are_none_of_these(text: str) -> None:
    assert find_form(text + "x\n" * 9) is None
