"""DiscordChatExporter's JSON, CSV and plain text."""

import pytest

from lumina_cli.data.chats.app_lines import APP, CALL, EMPTY, MEDIA
from tests.unit.data.chats.chatting import heard, heard_json, hours_between, lines
from tests.unit.data.reading import counts


def said(text: str, name: str, hour: int = 21, **more: object) -> dict[str, object]:
    author = {"id": "7", "name": name.lower(), "discriminator": "0000", "nickname": name}
    time = f"2021-01-23T{hour}:05:33.123+00:00"
    record = {"id": "1", "type": "Default", "timestamp": time, "content": text, "author": author}
    return {**record, "attachments": [], "embeds": [], "stickers": [], **more}


def channel(*messages: object) -> dict[str, object]:
    return {
        "guild": {"id": "0", "name": "Direct Messages", "iconUrl": "x"},
        "channel": {"id": "1", "type": "DirectTextChat", "name": "ben", "topic": None},
        "dateRange": {"after": None, "before": None},
        "exportedAt": "2024-01-01T00:00:00+00:00",
        "messages": list(messages),
        "messageCount": len(messages),
    }


def test_json_is_read_by_the_names_that_people_see() -> None:
    export = channel(said("Hi", "Anna"), said("Ho", "Ben", 22, type="Reply"))
    messages, _ = heard_json(export)
    assert lines(messages) == [("Anna", "Hi"), ("Ben", "Ho")]
    assert hours_between(messages) == [1.0]


def test_what_nobody_said_is_counted() -> None:
    messages, report = heard_json(
        channel(
            said("Started a call that lasted 3 minutes.", "Anna", type="Call"),
            said("Joined the server.", "Anna", type="GuildMemberJoin"),
            said("", "Anna", attachments=[{"id": "1", "url": "x"}]),
            said("look", "Anna", attachments=[{"id": "1", "url": "x"}]),
            said("", "Anna"),
            said("command", "Anna", type="20"),
            said("boost", "Anna", type="8"),
        )
    )
    assert lines(messages) == [("Anna", "look"), ("Anna", "command")]
    assert counts(report.left_out) == {CALL: 1, APP: 2, MEDIA: 2, EMPTY: 1}


def test_a_forwarded_message_is_that_of_who_forwarded_it() -> None:
    forwarded = said("", "Anna", forwardedMessage={"content": "Hi ", "attachments": []})
    messages, report = heard_json(channel(forwarded, said("Ho", "Ben")))
    assert lines(messages) == [("Anna", "Hi"), ("Ben", "Ho")]
    assert not report.left_out.total


DATES = {
    "old": ("23-Jan-21 11:30 AM", "23-Jan-21 01:00 PM"),
    "US": ("1/23/2021 11:30 AM", "1/23/2021 1:00 PM"),
    "German": ("23.01.2021 11:30", "23.01.2021 13:00"),
    "ISO": ("2021-01-23T11:30:00.1230000+00:00", "2021-01-23T13:00:00.1230000+00:00"),
}


@pytest.mark.parametrize("form", DATES)
def test_csv_is_read_with_its_dates(form: str) -> None:
    first, second = DATES[form]
    messages, report = heard(
        "\ufeffAuthorID,Author,Date,Content,Attachments,Reactions\n"
        f'"7","anna#0000","{first}","Hi ""you"",\nthere","",""\n'
        f'"8","ben#0","{second}","Ho","https://x/a.png","👍 (1)"\n',
        name="x.csv",
    )
    assert lines(messages) == [("anna", 'Hi "you",\nthere'), ("ben", "Ho")]
    assert hours_between(messages) == [1.5]
    assert [message.location.line for message in messages] == [2, 4]
    assert counts(report.left_out) == {MEDIA: 1}


def test_a_row_that_is_cut_short_is_skipped() -> None:
    heading = "AuthorID,Author,Date,Content,Attachments,Reactions\n"
    messages, report = heard(f'{heading}"7","anna","23.01.2021 11:30","Hi","",""\n"8","b\n')
    assert lines(messages) == [("anna", "Hi")]
    assert report.skipped.total == 1


RULE = "=" * 62

PLAIN = f"""{RULE}
Guild: A server
Channel: General / hello
Topic: All and nothing
{RULE}

[01/23/2021 9:05 PM] anna91
Hello

you

{{Attachments}}
https://cdn.example/x.png


[01/23/2021 9:06 PM] ben#0000 (pinned)
Hi: [12:30] there

{{Reactions}}
👍 (2)

[01/23/2021 9:06 PM] ben#0000
Joined the server.


[01/23/2021 9:36 PM] ben#0000
Started a call that lasted 3 minutes.


[01/24/2021 9:06 AM] ben#0000


{{Embed}}
https://example.org
A title


{RULE}
Exported 5 message(s)
{RULE}
"""


def test_a_plain_text_is_read_without_what_hangs_on_its_messages() -> None:
    messages, report = heard(PLAIN)
    assert lines(messages) == [("anna91", "Hello\n\nyou"), ("ben", "Hi: [12:30] there")]
    assert hours_between(messages) == [0.02]
    assert counts(report.left_out) == {MEDIA: 2, APP: 1, CALL: 1}
    assert report.rows == 5
