"""Rows that are plain texts: {"text": "It was a bright cold day in April."}"""

from lumina_cli.conversation import PlainText
from lumina_cli.data.rows import Record, RowNotes, first_key, text_of
from lumina_cli.data.schemas.schema import ParsedRow, Schema

DOCUMENT_KEYS = ("text", "content", "story", "document")


def _parse(record: Record, _notes: RowNotes) -> ParsedRow:
    key = first_key(DOCUMENT_KEYS, record) or "text"
    return PlainText(text_of(record, key)), (key,)


DOCUMENTS = Schema(
    matches=lambda record: first_key(DOCUMENT_KEYS, record) is not None,
    parse=_parse,
    keys=frozenset(DOCUMENT_KEYS),
)
