"""Telegram: `result.json` of Telegram Desktop, of one chat or of all of them.

{"name": "Ben", "type": "personal_chat", "id": 7, "messages": [
  {"id": 1, "type": "message", "date": "2021-01-23T21:05:33", "from": "Ben", "text": "Hi"},
  {"id": 2, "type": "message", "from": "Anna", "text": ["see ", {"type": "bold", "text": "this"}]}]}

All chats lie in {"chats": {"list": […]}}, and those that were left in "left_chats".
"""

from collections.abc import Iterator, Mapping
from typing import Any

from lumina_cli.data.chats.app_lines import APP, CALL, EMPTY, MEDIA
from lumina_cli.data.chats.json_stream import Item, items
from lumina_cli.data.chats.message import ChatMessage, ExportFile, clean_name
from lumina_cli.data.chats.stamps import iso_seconds
from lumina_cli.data.report import Location, ReadReport

FORMAT = "telegram"
_KINDS = ("message", "service", "unsupported")
_MEDIA_KEYS = frozenset(
    {"photo", "file", "media_type", "sticker_emoji", "location_information", "poll"}
    | {"contact_information", "game_title", "invoice_information", "giveaway_information"}
    | {"todo_list", "paid_media", "live_location_period_seconds", "place_name"}
)


def matches(sample: list[Item]) -> bool:
    """Say whether the first items of a JSON text are those of this export."""
    top = {item.keys[0] for item in sample if item.keys}
    if "about" in top and top & {"personal_information", "chats", "contacts", "profile_pictures"}:
        return True
    return any(_is_message(item) for item in sample[:50])


def messages(file: ExportFile, report: ReadReport) -> Iterator[ChatMessage]:
    """Yield the messages; what nobody said is counted in the report."""
    thread = 0
    with file.open() as text:
        for item in items(text, path=file.path, report=report):
            if item.keys[-1:] == ("type",) and item.keys[:-1] in _CHATS:
                thread += 1
            if item.keys[-1:] == ("messages",) and isinstance(item.value, dict):
                location = Location(file.path, item.line)
                report.saw_row(file.path, FORMAT)
                yield from _message(
                    item.value, location, thread=f"{file.path}#{thread}", report=report
                )


_CHATS = ((), ("chats", "list"), ("left_chats", "list"))
"""The keys that lead to a chat."""


def _is_message(item: Item) -> bool:
    value = item.value
    if item.keys[-1:] != ("messages",) or not isinstance(value, dict):
        return False
    has_date = "date" in value or "date_unixtime" in value
    return value.get("type") in _KINDS and (has_date or value["type"] == "unsupported")


def _message(
    record: Mapping[str, Any], location: Location, *, thread: str, report: ReadReport
) -> Iterator[ChatMessage]:
    kind = record.get("type")
    if kind != "message":
        wording = CALL if record.get("action") == "phone_call" else APP
        wording = MEDIA if kind == "unsupported" else wording
        report.left_out.add(wording, location, example=str(record.get("action", ""))[:80])
        return
    text = _joined(record.get("text"))
    if not _MEDIA_KEYS.isdisjoint(record):
        report.left_out.add(MEDIA, location)
    elif not text.strip():
        report.left_out.add(EMPTY, location)
    if text.strip():
        speaker = record.get("from") or record.get("from_id") or "Deleted Account"
        yield ChatMessage(clean_name(str(speaker)), text.strip(), _time(record), location, thread)


def _joined(text: object) -> str:
    """Return a text that stands in spans, as one."""
    if isinstance(text, str):
        return text
    if not isinstance(text, list):
        return ""
    spans = (span.get("text") if isinstance(span, dict) else span for span in text)
    return "".join(span for span in spans if isinstance(span, str))


def _time(record: Mapping[str, Any]) -> float | None:
    try:
        return float(record["date_unixtime"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return iso_seconds(record.get("date"))
