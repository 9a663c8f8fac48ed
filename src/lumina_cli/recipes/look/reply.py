"""The last reply of a chat, explained."""

import torch

from lumina_cli.chat.session import Session
from lumina_cli.errors import UsageError
from lumina_cli.look.matters import MattersView, matters
from lumina_cli.look.reading import Reading
from lumina_cli.recipes.look.places import place_asked


def explain_last_reply(session: Session, *, at: str = "") -> MattersView | None:
    """Return what mattered for a character of the last reply; None where there is none.

    Args:
        session: the chat.
        at: see `LookRequest`; empty for the character that the model was least sure of.

    Raises:
        UsageError: there is no such place, or the model computes in another precision.
    """
    read = session.last_reply_ids()
    if read is None or not read[1]:
        return None
    if session.model.wte.weight.dtype != torch.float32:
        raise UsageError("what mattered is measured in fp32 alone", hint="Leave --precision out.")
    prompt_ids, reply_ids = read
    reading = Reading([*prompt_ids], [False] * len(prompt_ids), session.tokenizer)
    reading = reading.with_reply(reply_ids)
    return matters(session.model, reading, target=place_asked(session.model, reading, at or None))
