"""Signal's chats as JSON."""

import json
from typing import Any

from lumina_cli.data.chats.app_lines import APP, CALL, DELETED, MEDIA
from tests.unit.data.chats.chatting import heard, heard_json, hours_between, lines
from tests.unit.data.reading import counts

START_MS = 1_611_435_933_000


def as_lines(*values: Any) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


def received(**envelope: Any) -> dict[str, Any]:
    who = {"source": "+49151", "sourceUuid": "u", "sourceName": "Ben", "timestamp": START_MS}
    return {"envelope": {**who, **envelope}, "account": "+49170"}


def test_signal_cli_is_read_thread_by_thread() -> None:
    group = {"groupId": "g=", "type": "DELIVER"}
    sent = {"destinationUuid": "u", "timestamp": START_MS + 3_600_000, "message": "Ho"}
    messages, report = heard(
        as_lines(
            received(dataMessage={"timestamp": START_MS, "message": "Hi"}),
            received(dataMessage={"timestamp": START_MS, "message": "all", "groupInfo": group}),
            received(receiptMessage={"when": 1}),
            received(callMessage={}),
            received(dataMessage={"timestamp": START_MS, "message": None, "attachments": [{}]}),
            received(dataMessage={"timestamp": START_MS, "remoteDelete": {"timestamp": 1}}),
            received(syncMessage={"sentMessage": sent}),
        ),
        name="x.jsonl",
    )
    assert lines(messages) == [("Ben", "Hi"), ("Ben", "all"), ("+49170", "Ho")]
    assert messages[0].thread == messages[2].thread != messages[1].thread
    assert hours_between([messages[0], messages[2]]) == [1.0]
    assert counts(report.left_out) == {APP: 1, CALL: 1, MEDIA: 1, DELETED: 1}


def test_the_programs_own_export_names_people_by_their_contacts() -> None:
    def item(author: str, **more: Any) -> dict[str, Any]:
        return {
            "chatItem": {"chatId": "9", "authorId": author, "dateSent": "1700000000000", **more}
        }

    contact = {"e164": "49151", "systemGivenName": "Ben", "systemFamilyName": "B"}
    messages, report = heard(
        as_lines(
            {"version": "1", "backupTimeMs": "1"},
            {"account": {"givenName": "Anna"}},
            {"recipient": {"id": "1", "self": {}}},
            {"recipient": {"id": "2", "contact": contact}},
            {"chat": {"id": "9", "recipientId": "2"}},
            item("2", incoming={}, standardMessage={"text": {"body": "Hi"}}),
            item("1", outgoing={}, standardMessage={"text": {"body": "Ho"}}),
            item("1", outgoing={}, standardMessage={"attachments": [{"pointer": {}}]}),
            item("1", remoteDeletedMessage={}),
            item("2", updateMessage={"simpleUpdate": {}}),
        ),
        name="main.jsonl",
    )
    assert lines(messages) == [("Ben B", "Hi"), ("Me", "Ho")]
    assert counts(report.left_out) == {MEDIA: 1, DELETED: 1, APP: 1}


def test_rows_of_signal_desktop_are_read() -> None:
    def row(kind: str, **more: Any) -> dict[str, Any]:
        return {"id": "a", "type": kind, "conversationId": "c", "sent_at": START_MS, **more}

    messages, report = heard_json(
        [
            row("incoming", source="+49151", body="Hi"),
            row("outgoing", body="Ho"),
            row("outgoing", body="", attachments=[{"contentType": "image/jpeg"}]),
            row("outgoing", body="", deletedForEveryone=True),
            row("call-history"),
            row("keychange"),
        ]
    )
    assert lines(messages) == [("+49151", "Hi"), ("Me", "Ho")]
    assert counts(report.left_out) == {MEDIA: 1, DELETED: 1, CALL: 1, APP: 1}
