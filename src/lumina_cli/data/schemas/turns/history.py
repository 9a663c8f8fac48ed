"""Turns before a question, in a column of their own: {"history": [["Hello", "Hi!"]], …}."""

from collections.abc import Sequence

from lumina_cli.conversation import Message
from lumina_cli.data.rows import BadRow, Record, RowNotes
from lumina_cli.data.schemas.turns.message_list import is_bare, is_message_list, messages_of

HISTORY_KEY = "history"


def earlier_turns(record: Record, *, notes: RowNotes) -> list[Message] | None:
    """Return the turns before the question of a row; None where there is no list that tells.

    A list holds pairs of question and answer, messages, or bare texts, the last of them the bot's.

    Raises:
        BadRow: a message of the list can't be read.
    """
    turns = record.get(HISTORY_KEY)
    if turns is None or turns == "":
        return []
    if not isinstance(turns, list | tuple):
        return None
    if not turns:
        return []
    if all(_is_pair(turn) for turn in turns):
        return [message for pair in turns for message in _messages_of_pair(pair)]
    if is_bare(turns) and all(isinstance(turn, str) for turn in turns):
        return _alternating(turns)
    return messages_of(turns, notes=notes) if is_message_list(turns) else None


def _is_pair(turn: object) -> bool:
    if not isinstance(turn, list | tuple) or not 1 <= len(turn) <= 2:
        return False
    return all(text is None or isinstance(text, str) for text in turn)


def _messages_of_pair(pair: Sequence[str | None]) -> list[Message]:
    question, answer = (*pair, None)[:2]
    messages = [Message("user", question)] if question and question.strip() else []
    if answer and answer.strip():
        messages.append(Message("bot", answer))
    return messages


def _alternating(texts: Sequence[str]) -> list[Message]:
    if not all(text.strip() for text in texts):
        raise BadRow(f"a text of its {HISTORY_KEY} is empty")
    num_left = range(len(texts), 0, -1)
    return [
        Message("user" if left % 2 == 0 else "bot", text)
        for left, text in zip(num_left, texts, strict=True)
    ]
