"""Slack: the folder or archive of an export, with a file for each channel and day.

users.json            [{"id": "U1", "name": "anna", "profile": {"display_name": "Anna"}}]
channels.json         [{"id": "C1", "name": "general", "members": ["U1"]}]
general/2021-01-23.json
    [{"type": "message", "user": "U1", "text": "Hi <@U2>", "ts": "1611435933.000200"}]

Replies in a thread are a conversation of their own, after the message that they answer.
"""

import html
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from lumina_cli.data.chats.app_lines import APP, DELETED, EMPTY, MEDIA
from lumina_cli.data.chats.json_stream import Item, items
from lumina_cli.data.chats.message import ChatMessage, ExportFile, clean_name
from lumina_cli.data.report import Location, ReadReport

FORMAT = "slack"
LISTS = frozenset(
    {"users.json", "org_users.json", "channels.json", "groups.json", "dms.json", "mpims.json"}
    | {"integration_logs.json", "canvases.json", "lists.json", "file_conversations.json"}
    | {"huddle_transcripts.json"}
)
"""Files of an export that hold no messages."""

_USER_FILES = ("../users.json", "users.json", "../org_users.json")
_SAID = frozenset([None, "", "thread_broadcast", "me_message", "bot_message", "file_share"])
_DELETED = frozenset(["tombstone", "message_deleted"])
_LINK = re.compile(r"<(?P<target>[^<>|\s][^<>|]*)(?:\|(?P<label>[^<>]*))?>")
_MOST_USERS = 200_000


def matches(sample: list[Item]) -> bool:
    """Say whether the first items of a JSON text are those of a day of a channel."""
    values = [item.value for item in sample[:20] if not item.keys]
    return bool(values) and all(_is_message(value) for value in values)


def matches_list(sample: list[Item], name: str) -> bool:
    """Say whether a file is one of those beside the channels."""
    if name not in LISTS:
        return False
    values = [item.value for item in sample[:20] if not item.keys]
    return all(isinstance(value, dict) and not _is_message(value) for value in values)


def messages(file: ExportFile, report: ReadReport) -> Iterator[ChatMessage]:
    """Yield the messages of a day; what nobody said is counted in the report."""
    users = _users(file)
    with file.open() as text:
        for item in items(text, path=file.path, report=report):
            if isinstance(item.value, dict):
                report.saw_row(file.path, FORMAT)
                location = Location(file.path, item.line)
                yield from _message(item.value, location, users=users, report=report)


def messages_of_list(file: ExportFile, report: ReadReport) -> Iterator[ChatMessage]:
    """Yield nothing: the file tells of people or channels, and what it holds is counted."""
    wording = "a list of people or channels, beside the chats"
    report.left_out.add(wording, Location(file.path))
    yield from ()


def _is_message(value: object) -> bool:
    if not isinstance(value, dict) or value.get("type") != "message":
        return False
    return isinstance(value.get("ts"), str | float | int) and (
        "user" in value or "subtype" in value or "bot_id" in value or "text" in value
    )


def _users(file: ExportFile) -> Mapping[str, str]:
    """Return the names of people by their ids, read once for an export."""
    for name in _USER_FILES:
        beside = file.beside(name)
        if beside is None:
            continue
        key = f"users of {beside.path}"
        if key not in file.cache:
            with beside.open() as text:
                found = islice(items(text, path=beside.path, report=None), _MOST_USERS)
                records = (item.value for item in found if isinstance(item.value, dict))
                file.cache[key] = {str(each.get("id")): _name_of(each) for each in records}
        users: Mapping[str, str] = file.cache[key]
        return users
    return {}


def _name_of(user: Mapping[str, Any]) -> str:
    """Return the name by which a person is called."""
    profile = user.get("profile")
    profile = profile if isinstance(profile, dict) else user
    names = (
        *(profile.get(key) for key in ("display_name", "real_name")),
        *(user.get(key) for key in ("real_name", "name")),
    )
    found = next((name for name in names if isinstance(name, str) and name.strip()), "?")
    return clean_name(found)


def _message(
    record: Mapping[str, Any],
    location: Location,
    *,
    users: Mapping[str, str],
    report: ReadReport,
) -> Iterator[ChatMessage]:
    subtype = record.get("subtype")
    subtype = subtype if subtype is None or isinstance(subtype, str) else "?"
    if subtype not in _SAID or record.get("hidden") is True:
        wording = DELETED if subtype in _DELETED else APP
        report.left_out.add(wording, location, example=str(subtype)[:80])
        return
    raw = record.get("text")
    text = plain_text(raw, users=users).strip() if isinstance(raw, str) else ""
    if record.get("files") or record.get("file"):
        report.left_out.add(MEDIA, location)
    elif not text:
        wording = MEDIA if record.get("attachments") or record.get("blocks") else EMPTY
        report.left_out.add(wording, location)
    if text:
        speaker = _speaker(record, users)
        thread = _thread(record, location)
        yield ChatMessage(speaker, text, _seconds(record.get("ts")), location, thread)


def _speaker(record: Mapping[str, Any], users: Mapping[str, str]) -> str:
    user = record.get("user")
    if isinstance(user, str) and user in users:
        return users[user]
    if isinstance(profile := record.get("user_profile"), dict):
        return _name_of(profile)
    bot = record.get("bot_profile")
    named = bot.get("name") if isinstance(bot, dict) else None
    return clean_name(str(record.get("username") or named or user or record.get("bot_id") or "?"))


def _thread(record: Mapping[str, Any], location: Location) -> str:
    """Return the channel, or of a thread the message that it answers."""
    channel, root = str(location.path.parent), record.get("thread_ts")
    return f"{channel}#{root}" if isinstance(root, str) else channel


def plain_text(text: str, *, users: Mapping[str, str]) -> str:
    """Return a text as people see it: mentions by name, links by what they show."""

    def shown(link: re.Match[str]) -> str:
        target, label = link["target"], link["label"]
        if target[0] == "@":
            return f"@{label or users.get(target[1:], target[1:])}"
        if target[0] == "#":
            return f"#{label or target[1:]}"
        if target[0] == "!":
            return label or f"@{target[1:].partition('^')[0]}"
        return label or target.removeprefix("mailto:")

    return html.unescape(_LINK.sub(shown, text))


def _seconds(ts: object) -> float | None:
    try:
        return float(ts)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
