"""The chat format: documents as ids, with a mask of what counts in the loss.

    conversation    <|begin|> (role id, text, <|end|>) for each message
    plain text      <|begin|> text <|end|>

A message ends at <|end|> and nowhere else, so a reply may have many lines. Role ids and
<|begin|> never count: they are given in a chat, not said.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from lumina_cli.conversation import Conversation, Document, Message, PlainText, Role
from lumina_cli.tokenizer.ids import Special
from lumina_cli.tokenizer.vocabulary import IdArray, Vocabulary

LossOn = Literal["bot", "all"]

ROLE_IDS: dict[Role, Special] = {
    "system": Special.SYSTEM,
    "user": Special.USER,
    "bot": Special.BOT,
}


class MaskedIds(NamedTuple):
    """Ids, and for each whether predicting it counts in the loss; shapes (n,)."""

    ids: IdArray
    in_loss: npt.NDArray[np.bool_]


def encode_document(document: Document, *, vocabulary: Vocabulary, loss_on: LossOn) -> MaskedIds:
    """Return `document` in the chat format.

    Args:
        document: a conversation, or (a stretch of) a plain text, which counts throughout.
        vocabulary: the characters and their ids.
        loss_on: which messages of a conversation count: the bot's, or everybody's.
    """
    if isinstance(document, Conversation):
        parts = _conversation_parts(document, vocabulary=vocabulary, loss_on=loss_on)
    else:
        parts = _plain_text_parts(document, vocabulary=vocabulary)
    ids, counts = zip(*parts, strict=True)
    in_loss = np.repeat(np.array(counts), [len(part) for part in ids])
    return MaskedIds(np.concatenate(ids), in_loss)


def encode_message(message: Message, *, vocabulary: Vocabulary) -> list[int]:
    """Return one whole message: its role id, its text, <|end|>."""
    return [ROLE_IDS[message.role], *vocabulary.encode(message.text), Special.END]


def encode_prompt(messages: Iterable[Message], *, vocabulary: Vocabulary) -> list[int]:
    """Return what stands before the bot's next reply: all that was said, then its role id."""
    ids: list[int] = [Special.BEGIN]
    for message in messages:
        ids += encode_message(message, vocabulary=vocabulary)
    return [*ids, Special.BOT]


Part = tuple[IdArray, bool]


def _conversation_parts(
    conversation: Conversation, *, vocabulary: Vocabulary, loss_on: LossOn
) -> list[Part]:
    parts = [_reserved(Special.BEGIN)]
    for message in conversation.messages:
        counts = message.in_loss and (loss_on == "all" or message.role == "bot")
        parts.append(_reserved(ROLE_IDS[message.role]))
        parts.append((vocabulary.encode_array(message.text), counts))
        parts.append(_reserved(Special.END, counts=counts))
    return parts


def _plain_text_parts(text: PlainText, *, vocabulary: Vocabulary) -> list[Part]:
    parts = [_reserved(Special.BEGIN)] if text.starts else []
    parts.append((vocabulary.encode_array(text.text), True))
    return [*parts, _reserved(Special.END, counts=True)] if text.ends else parts


def _reserved(special: Special, *, counts: bool = False) -> Part:
    return np.array([special], dtype=np.int32), counts
