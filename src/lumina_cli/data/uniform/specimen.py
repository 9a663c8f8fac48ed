"""What becomes of a row, learnt from a specimen that is read alone: nothing is known of schemas."""

from collections.abc import Callable
from typing import NamedTuple

from lumina_cli.conversation import Conversation, Document, Message, PlainText, Role
from lumina_cli.data.report import ReadReport
from lumina_cli.data.rows import BadRow, Record

ReadAlone = Callable[[Record, ReadReport], tuple[str, Document]]
"""Reads a row as it is read by itself: its schema, and its document. May raise BadRow."""

TEXT = "specimen {} of a text"
"""A text like any other: no schema finds more in it than words."""

METADATA = (None, 1.5, {"a": ["b"]}, False, "false")
"""What may stand beside the texts of a row: where it decides anything, rows are read alone."""


class Outcome(NamedTuple):
    """What was read of a row: by which schema, who speaks (nobody in a plain text), the texts."""

    schema: str
    roles: list[Role]
    texts: list[str]


def read_specimen(specimen: Record, read_alone: ReadAlone) -> Outcome | None:
    """Return what is read of a specimen; None where there is anything more to say of it."""
    report = ReadReport()
    try:
        schema, document = read_alone(specimen, report)
    except BadRow:
        return None
    if report.left_out.total or report.notices.total or report.skipped.total:
        return None
    if isinstance(document, PlainText):
        return (
            Outcome(schema, [], [document.text]) if document == PlainText(document.text) else None
        )
    roles = [message.role for message in document.messages]
    texts = [message.text for message in document.messages]
    simple = Conversation(tuple(map(Message, roles, texts)))
    return Outcome(schema, roles, texts) if document == simple else None
