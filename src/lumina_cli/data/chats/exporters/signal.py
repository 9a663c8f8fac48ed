"""Signal, where people have its chats as text: signal-cli, its own plaintext export, sigtop.

signal-cli receive, a line each:
  {"envelope": {"sourceName": "Ben", "timestamp": 1, "dataMessage": {"message": "Hi"}}}
the program's own export (main.jsonl), a line each:
  {"recipient": {"id": "2", "contact": {"systemGivenName": "Ben"}}}
  {"chatItem": {"chatId": "3", "authorId": "2", "dateSent": "1", "standardMessage": …}}
sigtop (JSON), rows of Signal Desktop's messages:
  [{"type": "incoming", "conversationId": "c", "source": "+49…", "sent_at": 1, "body": "Hi"}]

Exports of dated lines (signalbackup-tools, signal-export, sigtop's text) are read as such.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from lumina_cli.data.chats.app_lines import APP, CALL, DELETED, EMPTY, MEDIA
from lumina_cli.data.chats.json_stream import Item, items
from lumina_cli.data.chats.message import ChatMessage, ExportFile, clean_name
from lumina_cli.data.readers.json.rows import rows_of_json_lines
from lumina_cli.data.report import Location, ReadReport

FORMAT = "signal"
ME = "Me"
"""The owner of an export that does not tell the name."""

_FRAMES = frozenset(["account", "recipient", "chat", "chatItem", "stickerPack", "chatFolder"])
_MOST_PEOPLE = 200_000


def matches_lines(first: object) -> bool:
    """Say whether the first line of JSON lines is one of these exports."""
    if not isinstance(first, dict):
        return False
    if isinstance(envelope := first.get("envelope"), dict):
        return "timestamp" in envelope
    if "backupTimeMs" in first:
        return True
    return (
        len(first) == 1
        and isinstance(first.get(name := next(iter(first))), dict)
        and (name in ("chatItem", "account") or (name in _FRAMES and "id" in first[name]))
    )


def matches_rows(sample: list[Item]) -> bool:
    """Say whether a JSON array holds rows of Signal Desktop."""
    values = [item.value for item in sample[:20] if not item.keys]
    return bool(values) and all(
        isinstance(value, dict)
        and "conversationId" in value
        and "type" in value
        and ("sent_at" in value or "timestamp" in value)
        for value in values
    )


def messages_of_lines(file: ExportFile, report: ReadReport) -> Iterator[ChatMessage]:
    """Yield the messages of JSON lines; what nobody said is counted in the report."""
    people: dict[str, str] = {}
    with file.open() as text:
        for row in rows_of_json_lines(text, path=file.path, report=report):
            if not isinstance(row.value, dict):
                continue
            if isinstance(person := row.value.get("recipient"), dict):
                if len(people) < _MOST_PEOPLE:
                    people[str(person.get("id"))] = _name_of(person)
            elif isinstance(frame := row.value.get("chatItem"), dict):
                report.saw_row(file.path, FORMAT)
                yield from _of_frame(frame, row.location, people=people, report=report)
            elif isinstance(envelope := row.value.get("envelope"), dict):
                report.saw_row(file.path, FORMAT)
                yield from _of_envelope(envelope, row.location, row.value, report=report)


def messages_of_rows(file: ExportFile, report: ReadReport) -> Iterator[ChatMessage]:
    """Yield the messages of Signal Desktop's rows; what nobody said is counted in the report."""
    with file.open() as text:
        for item in items(text, path=file.path, report=report):
            if not isinstance(item.value, dict):
                continue
            record, location = item.value, Location(file.path, item.line)
            report.saw_row(file.path, FORMAT)
            kind = record.get("type")
            if kind not in ("incoming", "outgoing"):
                report.left_out.add(CALL if kind == "call-history" else APP, location)
                continue
            speaker = ME if kind == "outgoing" else _source(record)
            is_deleted = bool(record.get("deletedForEveryone"))
            has_media = bool(record.get("attachments") or record.get("sticker"))
            thread = f"{file.path}#{record.get('conversationId')}"
            time = record.get("sent_at") or record.get("timestamp")
            body = None if is_deleted else record.get("body")
            left_out = DELETED if is_deleted else MEDIA if has_media else ""
            yield from _said(body, speaker, time, location, thread, left_out, report)


def _of_frame(
    frame: Mapping[str, Any],
    location: Location,
    *,
    people: Mapping[str, str],
    report: ReadReport,
) -> Iterator[ChatMessage]:
    """Yield the message of a line of the program's own export."""
    standard = frame.get("standardMessage")
    if not isinstance(standard, dict):
        kinds = [key for key in frame if key.endswith("Message")]
        wording = {"remoteDeletedMessage": DELETED, "updateMessage": APP}
        left_out = next((wording.get(key, MEDIA) for key in kinds), APP)
        report.left_out.add(left_out, location, example=next(iter(kinds), ""))
        return
    text = standard.get("text")
    body = text.get("body") if isinstance(text, dict) else None
    author = str(frame.get("authorId"))
    left_out = MEDIA if standard.get("attachments") else ""
    thread = f"{location.path}#{frame.get('chatId')}"
    speaker = people.get(author, author)
    yield from _said(body, speaker, frame.get("dateSent"), location, thread, left_out, report)


def _of_envelope(
    envelope: Mapping[str, Any],
    location: Location,
    row: Mapping[str, Any],
    *,
    report: ReadReport,
) -> Iterator[ChatMessage]:
    """Yield the message that signal-cli received, or that another device of the owner sent."""
    message, speaker = envelope.get("dataMessage"), _source(envelope)
    other = str(envelope.get("sourceUuid") or envelope.get("source") or speaker)
    if isinstance(synced := envelope.get("syncMessage"), dict):
        message, speaker = synced.get("sentMessage"), str(row.get("account") or ME)
        if isinstance(message, dict):
            other = str(message.get("destinationUuid") or message.get("destination"))
    if isinstance(edited := envelope.get("editMessage"), dict):
        message = edited.get("dataMessage")
    if not isinstance(message, dict):
        report.left_out.add(CALL if "callMessage" in envelope else APP, location)
        return
    group = message.get("groupInfo")
    thread = str(group.get("groupId")) if isinstance(group, dict) else other
    left_out = MEDIA if message.get("attachments") or message.get("sticker") else ""
    left_out = DELETED if "remoteDelete" in message else left_out
    left_out = APP if "reaction" in message else left_out
    time = message.get("timestamp") or envelope.get("timestamp")
    thread = f"{location.path}#{thread}"
    yield from _said(message.get("message"), speaker, time, location, thread, left_out, report)


def _said(
    body: object,
    speaker: str,
    time: object,
    location: Location,
    thread: str,
    left_out: str,
    report: ReadReport,
) -> Iterator[ChatMessage]:
    """Yield a message with a text; what of it is left out is counted."""
    text = body.strip() if isinstance(body, str) else ""
    if left_out or not text:
        report.left_out.add(left_out or EMPTY, location)
    if text:
        yield ChatMessage(clean_name(speaker) or "?", text, _seconds(time), location, thread)


def _source(record: Mapping[str, Any]) -> str:
    keys = ("sourceName", "source", "sourceNumber", "sourceServiceId", "sourceUuid")
    return next((str(record[key]) for key in keys if record.get(key)), "?")


def _name_of(person: Mapping[str, Any]) -> str:
    """Return what a recipient of the program's own export is called."""
    if "self" in person:
        return ME
    contact = person.get("contact")
    if not isinstance(contact, dict):
        return str(person.get("id"))
    nickname = contact.get("nickname")
    pairs = [
        (contact.get("systemGivenName"), contact.get("systemFamilyName")),
        (contact.get("profileGivenName"), contact.get("profileFamilyName")),
    ]
    if isinstance(nickname, dict):
        pairs.insert(0, (nickname.get("given"), nickname.get("family")))
    names = (" ".join(str(part) for part in pair if part) for pair in pairs)
    number = str(contact.get("e164") or person.get("id"))
    return next((clean_name(name) for name in names if name.strip()), number)


def _seconds(milliseconds: object) -> float | None:
    try:
        return float(milliseconds) / 1000  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
