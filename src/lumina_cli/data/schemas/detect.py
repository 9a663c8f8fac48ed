"""Detection of the schema of a row by its keys, and the row read by it.

chatgpt              {"mapping": {…}, "current_node"}
claude               {"chat_messages": [{"sender", "content"}]}
sillytavern          {"name", "is_user", "mes"}, a row a message
sharegpt, messages   {"conversations": [{"from", "value"}]}, {"messages": [{"role", "content"}]}
oasst                {"message_id", "parent_id", "text", "role", …}, or trees of them
instructions         {"instruction", "input", "output"}
pairs                {"user", "bot"} {"prompt", "completion"} {"question", "answer"} …
transcripts          {"text"} or {"chosen"} with marks such as "### Human:" before each turn
documents            {"text"}, or a bare string
                     ["Hello", "Hi!"], or {"speaker", "text"} in each row, are messages, too
"""

from collections.abc import Collection
from itertools import islice

from lumina_cli.conversation import Conversation, Document, PlainText
from lumina_cli.data.oasst.nodes import OASST_KEYS, is_oasst
from lumina_cli.data.report import UNKNOWN_KEYS
from lumina_cli.data.rows import BadRow, LeftOutRow, RowNotes, non_blank, type_name
from lumina_cli.data.schemas.assistants.chatgpt import CHATGPT
from lumina_cli.data.schemas.assistants.claude import CLAUDE
from lumina_cli.data.schemas.assistants.silly_tavern import SILLY_TAVERN
from lumina_cli.data.schemas.documents import DOCUMENTS
from lumina_cli.data.schemas.instructions import INSTRUCTIONS
from lumina_cli.data.schemas.pairs import PAIRS
from lumina_cli.data.schemas.schema import Schema
from lumina_cli.data.schemas.transcripts import TRANSCRIPTS
from lumina_cli.data.schemas.turns.message_list import (
    is_bare_list,
    is_message_list,
    messages_of,
    messages_without_roles,
)
from lumina_cli.data.schemas.turns.messages import MESSAGES, SHAREGPT
from lumina_cli.data.schemas.turns.system_prompts import SYSTEM_KEYS
from lumina_cli.data.schemas.turns.turn_rows import TURN_KEYS, has_turn_columns, is_turn_row
from lumina_cli.data.schemas.unused_columns import report_unused_columns

SCHEMAS: dict[str, Schema] = {
    "chatgpt": CHATGPT,
    "claude": CLAUDE,
    "sillytavern": SILLY_TAVERN,
    "sharegpt": SHAREGPT,
    "messages": MESSAGES,
    "oasst": Schema(
        matches=lambda record: is_oasst(record) or is_turn_row(record), parse=None, keys=OASST_KEYS
    ),
    "instructions": INSTRUCTIONS,
    "pairs": PAIRS,
    "transcripts": TRANSCRIPTS,
    "documents": DOCUMENTS,
}
"""The first that matches is taken: an OASST tree has a prompt, too, and instructions an output."""

MAX_SHOWN_KEYS = 20

_ROWS_ALONE = frozenset().union(*(each.keys for each in SCHEMAS.values()))

VERDICT_KEYS = ("label", "kto_tag")
"""Where rows of preferences say whether people liked what the bot says."""

_JUDGED = frozenset(["messages", "sharegpt", "instructions", "pairs"])

COLUMNS = TURN_KEYS.union(
    ["rejected", "history", *VERDICT_KEYS, *SYSTEM_KEYS], *(each.keys for each in SCHEMAS.values())
)
"""All that is ever read of a row, or reported; other columns of a table are left alone."""


def is_known_table(names: Collection[str]) -> bool:
    """Say whether a table with columns of these names, in lower case, may hold rows of a schema."""
    return not _ROWS_ALONE.isdisjoint(names) or has_turn_columns(frozenset(names))


def detect_schema(value: object) -> str:
    """Return the name of the schema of a row.

    Raises:
        BadRow: it has none that is known.
    """
    if isinstance(value, str):
        return "documents"
    if not isinstance(value, dict):
        if is_bare_list(value) or (is_message_list(value) and not isinstance(value[0], str)):  # type: ignore[index]
            return "messages"
        raise BadRow("it is no object with keys", example=f"it is {type_name(value)}")
    for name, schema in SCHEMAS.items():
        if schema.matches(value):
            return name
    keys = ", ".join(map(str, islice(value, MAX_SHOWN_KEYS))) or "none"
    raise BadRow(UNKNOWN_KEYS, example=f"keys: {keys}")


def document_of(value: object, *, schema: str, notes: RowNotes) -> Document:
    """Return the conversation or text of a row; text that is not read is reported.

    Raises:
        LeftOutRow: people turned down what the bot says in it.
        BadRow: it can't be read by that schema.
    """
    if isinstance(value, str) and schema == "documents":
        return PlainText(non_blank(value, "the text"))
    if schema == "messages" and isinstance(value, list) and value:
        of_list = messages_without_roles if is_bare_list(value) else messages_of
        return Conversation(tuple(of_list(value, notes=notes)))
    if not isinstance(value, dict):
        raise BadRow("it is no object with keys", example=f"it is {type_name(value)}")
    if schema in _JUDGED and any(_is_false(value.get(key)) for key in VERDICT_KEYS):
        raise LeftOutRow("an answer that was turned down (its label is false)")
    parse = SCHEMAS[schema].parse
    assert parse, f"{schema} takes several rows"
    document, keys = parse(value, notes)
    if len(value) > len(keys):
        messages = document.messages if isinstance(document, Conversation) else ()
        texts = {message.text for message in messages}
        report_unused_columns(value, used=keys, notes=notes, texts=texts)
    return document


def _is_false(value: object) -> bool:
    return value is False or (isinstance(value, str) and value.strip().lower() == "false")
