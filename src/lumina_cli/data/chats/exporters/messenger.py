r"""Messenger and Instagram: `message_1.json`, newest first; and Messenger's encrypted chats.

{"participants": [{"name": "Anna"}, {"name": "Ben"}], "messages": [
  {"sender_name": "Ben", "timestamp_ms": 1611435933000, "content": "sch\u00c3\u00b6n"}]}
{"participants": ["Anna", "Ben"], "threadName": "Ben_7", "messages": [
  {"senderName": "Ben", "timestamp": 1611435933000, "type": "text", "text": "schön"}]}

The older form writes each byte of UTF-8 as a character; it is put right where all of a text
makes sense that way.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lumina_cli.data.chats.app_lines import APP, CALL, DELETED, EMPTY, MEDIA
from lumina_cli.data.chats.json_stream import Item, items
from lumina_cli.data.chats.message import ChatMessage, ExportFile, clean_name
from lumina_cli.data.report import Location, ReadReport

FORMAT = "messenger"
_MEDIA_KEYS = (
    *("photos", "videos", "audio_files", "gifs", "sticker", "files", "media"),
    *("bumped_message_metadata",),
)
_FIRST_MS, _LATEST_MS = 1e11, 1e17
_NUMBERED = re.compile(r"message_\d+\.json")
_REACTION = re.compile(
    r"(?:Reacted \S+ to your message|Liked a message|Hat mit \S+ auf deine Nachricht reagiert"
    r"|Gefällt eine Nachricht|A réagi \S+ à votre message|Aime un message"
    r"|Reaccionó con \S+ a tu mensaje|Indicó que le gusta un mensaje|Le gustó un mensaje"
    r"|Reagiu com \S+ à sua mensagem|Curtiu uma mensagem|Ha reagito con \S+ al tuo messaggio"
    r"|Mi piace a un messaggio)\s*"
)


def matches(sample: list[Item]) -> bool:
    """Say whether the first items of a JSON text are those of this export."""
    return any(_is_message(item.value) for item in sample[:200])


def messages(file: ExportFile, report: ReadReport) -> Iterator[ChatMessage]:
    """Yield the messages; what nobody said is counted in the report."""
    is_part = _NUMBERED.fullmatch(file.path.name)
    thread = str(file.path.parent if is_part else file.path)
    with file.open() as text:
        for item in items(text, path=file.path, report=report):
            if item.keys == ("messages",) and isinstance(item.value, dict):
                report.saw_row(file.path, FORMAT)
                location = Location(file.path, item.line)
                yield from _message(item.value, location, thread=thread, report=report)


def put_right(text: str) -> str:
    """Return a text whose characters are the bytes of UTF-8 as it was meant."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def _is_message(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    if "senderName" in value:
        return "timestamp" in value and ("text" in value or "isUnsent" in value)
    return "sender_name" in value and ("timestamp_ms" in value or "timestamp" in value)


def _message(
    record: Mapping[str, Any], location: Location, *, thread: str, report: ReadReport
) -> Iterator[ChatMessage]:
    is_encrypted = "senderName" in record
    mend = str if is_encrypted else put_right
    speaker = record.get("senderName") if is_encrypted else record.get("sender_name")
    text = record.get("text") if is_encrypted else record.get("content")
    speaker = clean_name(mend(speaker)) if isinstance(speaker, str) and speaker else "?"
    text = mend(text).strip() if isinstance(text, str) else ""
    if wording := _why_left_out(record, text, speaker=speaker):
        report.left_out.add(wording, location, example=text[:80] if wording == APP else "")
        if wording != MEDIA or _is_written_by_app(text, speaker):
            return
    if text:
        yield ChatMessage(speaker, text, _seconds(record), location, thread)


def _seconds(record: Mapping[str, Any]) -> float | None:
    """Return when a message was sent; exports before 2018 tell it in seconds."""
    time = record.get("timestamp_ms", record.get("timestamp"))
    if not isinstance(time, int | float) or abs(time) > _LATEST_MS:
        return None
    return time / 1000 if abs(time) > _FIRST_MS else float(time)


def _why_left_out(record: Mapping[str, Any], text: str, *, speaker: str) -> str:
    """Return what of a message is left out, or nothing; of media a text may remain."""
    if record.get("is_unsent") or record.get("isUnsent"):
        return DELETED
    if "call_duration" in record or record.get("type") == "Call":
        return CALL
    if record.get("type") in ("Subscribe", "Unsubscribe") or _REACTION.fullmatch(text):
        return APP
    if any(record.get(key) for key in _MEDIA_KEYS):
        return MEDIA
    if record.get("share") and (not text or _is_written_by_app(text, speaker)):
        return MEDIA
    if not text:
        return EMPTY
    return APP if _is_written_by_app(text, speaker) else ""


def _is_written_by_app(text: str, speaker: str) -> bool:
    """Say whether a text tells of its own speaker, as the app does of what people did."""
    if "\n" in text or len(text) > 200:
        return False
    told = [speaker, speaker.split()[0] if speaker.split() else speaker]
    return any(len(name) > 1 and text.startswith(f"{name} ") for name in told) or (
        text.startswith("You ")
        and text.endswith(("attachment.", "photo.", "sticker.", "the chat."))
    )
