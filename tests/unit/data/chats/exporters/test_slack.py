"""Slack's folder and archive."""

import json
from pathlib import Path
from typing import Any

from lumina_cli.data.chats.app_lines import APP, DELETED, EMPTY, MEDIA
from lumina_cli.data.chats.exporters.slack import plain_text
from tests.unit.data.chats.chatting import heard_json, lines, write_zip
from tests.unit.data.reading import counts, read, said

USERS = [
    {"id": "U1", "name": "anna", "profile": {"display_name": "Anna", "real_name": "Anna M"}},
    {"id": "U2", "name": "ben", "real_name": "Ben B", "profile": {"display_name": ""}},
]
CHANNELS = [{"id": "C1", "name": "general", "created": 1, "members": ["U1", "U2"]}]
NOON = 1_611_403_200


def post(user: str, text: str, seconds: int, **more: Any) -> dict[str, Any]:
    return {"type": "message", "user": user, "text": text, "ts": f"{NOON + seconds}.000200", **more}


ROOT = f"{NOON}.000200"
FIRST_DAY = [
    post("U1", "who comes?", 0, thread_ts=ROOT, reply_count=1),
    post("U1", "lunch", 10),
    post("U2", "me", 20, thread_ts=ROOT),
    post("U2", "late", 43_100),
]
SECOND_DAY = [post("U2", "or early", 43_300)]
FILES = {
    "users.json": USERS,
    "channels.json": CHANNELS,
    "dms.json": [],
    "general/2021-01-23.json": FIRST_DAY,
    "general/2021-01-24.json": SECOND_DAY,
}
CONVERSATIONS = [
    [("user", "lunch"), ("bot", "late\nor early")],
    [("user", "who comes?"), ("bot", "me")],
]


def test_a_folder_is_read_with_names_threads_and_days_joined(tmp_path: Path) -> None:
    for name, value in FILES.items():
        path = tmp_path / "export" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value), encoding="utf-8")
    documents, report = read(tmp_path / "export", bot="Ben B", gap="2d")
    assert sorted(map(said, documents)) == CONVERSATIONS
    assert report.speakers == {"Anna": 2, "Ben B": 3}
    assert counts(report.left_out) == {"a list of people or channels, beside the chats": 3}


def test_an_archive_gives_the_same(tmp_path: Path) -> None:
    members = {name: json.dumps(value) for name, value in FILES.items()}
    documents, report = read(write_zip(tmp_path / "x.zip", members), bot="Ben B", gap="2d")
    assert sorted(map(said, documents)) == CONVERSATIONS
    assert not report.skipped.total


def test_what_nobody_said_is_counted() -> None:
    messages, report = heard_json(
        [
            post("U1", "<@U1> has joined", 0, subtype="channel_join"),
            post("U1", "This message was deleted.", 1, subtype="tombstone"),
            post("U1", "", 2, files=[{"id": "F1"}]),
            post("U1", "look", 3, files=[{"id": "F1"}]),
            post("U1", "", 4),
            post("U1", "odd", 4, subtype={}),
            {
                "type": "message",
                "subtype": "bot_message",
                "username": "CI",
                "text": "ok",
                "ts": "1",
            },
            post("U9", "hi", 5, user_profile={"display_name": "", "real_name": "Eve"}),
        ]
    )
    assert lines(messages) == [("U1", "look"), ("CI", "ok"), ("Eve", "hi")]
    assert counts(report.left_out) == {APP: 2, DELETED: 1, MEDIA: 2, EMPTY: 1}


def test_marks_become_what_people_see() -> None:
    users = {"U2": "Ben"}
    assert plain_text("Hi <@U2> &amp; <@U3|eve>, <!here>", users=users) == "Hi @Ben & @eve, @here"
    assert plain_text("<#C1|general> <https://x.org|x> <https://y.org>", users=users) == (
        "#general x https://y.org"
    )
    assert plain_text("I &lt;3 this &gt; that", users=users) == "I <3 this > that"
