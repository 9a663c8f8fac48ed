r"""Texts in which marks say who speaks, as older data sets have them.

"\n\nHuman: Hello\n\nAssistant: Hi!"
"### Human: Hello### Assistant: Hi!"
"""

import re

from lumina_cli.conversation import Message
from lumina_cli.data.schemas.fields import BadRow, role_of

_SPOKEN = re.compile(r"(?:\A\s*|\n\n)(Human|Assistant|System): ?")
_HASHED = re.compile(r"### ?(Human|User|Assistant|Bot|System):", re.IGNORECASE)
_BOTS = re.compile(r"(?:\n\n|### ?)(?:Assistant|Bot):", re.IGNORECASE)


def is_transcript(text: str) -> bool:
    """Say whether a text begins with the mark of a turn, and the bot speaks in it."""
    begins = _HASHED.match(text.lstrip()) or (_SPOKEN.match(text) and "\n\nAssistant:" in text)
    return bool(begins) and bool(_BOTS.search(text))


def messages_of_transcript(text: str, *, is_prompt: bool = False) -> list[Message]:
    """Return the turns of a transcript.

    Args:
        text: with a mark before each turn.
        is_prompt: whether it ends in the mark of the turn to come.

    Raises:
        BadRow: a turn is empty, or there is none.
    """
    mark = _HASHED if _HASHED.match(text.lstrip()) else _SPOKEN
    _, *parts = mark.split(text)
    turns = [(role_of(name), said.strip()) for name, said in zip(*[iter(parts)] * 2, strict=True)]
    if is_prompt and turns and not turns[-1][1]:
        turns.pop()
    if not turns or not all(said for _, said in turns):
        raise BadRow("a turn of its text is empty")
    return [Message(role, said) for role, said in turns]


def turns_inside(text: str, *, is_prompt: bool = False) -> list[Message] | None:
    """Return the turns of a text, if it is a transcript and each of its turns says something."""
    if not is_transcript(text):
        return None
    try:
        return messages_of_transcript(text, is_prompt=is_prompt)
    except BadRow:
        return None
