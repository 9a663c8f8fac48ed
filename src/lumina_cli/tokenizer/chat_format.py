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

from lumina_cli.conversation import Document, Message, Role
from lumina_cli.tokenizer.base import IdArray, Tokenizer
from lumina_cli.tokenizer.document_batch import (
    ENDS,
    IN_LOSS,
    SPEAKERS,
    STARTS,
    Choice,
    DocumentBatch,
    Numbers,
)
from lumina_cli.tokenizer.special_ids import Special

LossOn = Literal["bot", "all"]

ROLE_IDS: dict[Role, Special] = {
    "system": Special.SYSTEM,
    "user": Special.USER,
    "bot": Special.BOT,
}
_ROLES = np.array([ROLE_IDS[role] for role, _ in SPEAKERS], dtype=np.int32)
_COUNTS: dict[LossOn, Choice] = {
    "all": IN_LOSS,
    "bot": np.array([in_loss and role == "bot" for role, in_loss in SPEAKERS]),
}
"""By speaker of a conversation: the id of the role, and whether what it says counts."""

_BEGIN, _END, _NO_ID = np.int32(Special.BEGIN), np.int32(Special.END), np.int32(-1)


class MaskedIds(NamedTuple):
    """Ids, and for each whether predicting it counts in the loss; shapes (n,)."""

    ids: IdArray
    in_loss: npt.NDArray[np.bool_]


def encode_documents(
    documents: Iterable[Document], *, tokenizer: Tokenizer, loss_on: LossOn
) -> MaskedIds:
    """Return documents in the chat format, side by side, all their texts encoded at once.

    Args:
        documents: conversations, and (chunks of) plain texts, which count throughout.
        tokenizer: turns text into ids.
        loss_on: which messages of a conversation count: the bot's, or everybody's.
    """
    return encode_batch(DocumentBatch.of(documents), tokenizer=tokenizer, loss_on=loss_on)


def encode_batch(batch: DocumentBatch, *, tokenizer: Tokenizer, loss_on: LossOn) -> MaskedIds:
    """Return the documents of a batch in the chat format: see `encode_documents`.

    The special ids never join the text, not even as placeholders: each is kept with the
    number of texts that stand before it, and put in its place when their ids are known.
    """
    ids, begins = tokenizer.encode_batch(batch.texts())
    of_text = np.repeat(batch.is_text, batch.num_texts)
    counts = of_text | _COUNTS[loss_on][batch.speakers]
    special, before, in_loss = _special_ids(batch, of_text, counts)
    in_text = np.repeat(counts, np.diff(begins))
    if not len(special):
        return MaskedIds(ids, in_text)
    places = begins[before]
    return MaskedIds(np.insert(ids, places, special), np.insert(in_text, places, in_loss))


def _special_ids(
    batch: DocumentBatch, of_text: Choice, counts: Choice
) -> tuple[IdArray, Numbers, Choice]:
    """Return the special ids of a batch in their order, what stands before, and what counts.

    Args:
        batch: the documents.
        of_text: whether each text is (a part of) a plain text.
        counts: whether each text counts in the loss.

    Returns:
        ids; the number of texts that stand before each; whether it counts.
    """
    starts = ~batch.is_text | (batch.kinds & STARTS != 0)
    ends = np.repeat(~batch.is_text | (batch.kinds & ENDS != 0), batch.num_texts)
    # of each document its <|begin|>, then of each text its role id and its <|end|>
    document = np.repeat(np.arange(len(batch)), batch.num_texts)
    text = np.arange(len(counts))
    begin = 2 * batch.first_texts[:-1] + np.arange(len(batch))
    role = 2 * text + document + 1
    ids = np.empty(len(begin) + 2 * len(role), dtype=np.int32)
    before = np.empty(len(ids), dtype=np.int64)
    in_loss = np.zeros(len(ids), dtype=np.bool_)
    ids[begin], before[begin] = np.where(starts, _BEGIN, _NO_ID), batch.first_texts[:-1]
    ids[role], before[role] = np.where(of_text, _NO_ID, _ROLES[batch.speakers]), text
    ids[role + 1], before[role + 1] = np.where(ends, _END, _NO_ID), text + 1
    in_loss[role + 1] = counts
    is_there = ids != _NO_ID
    return ids[is_there], before[is_there], in_loss[is_there]


def encode_message(message: Message, *, tokenizer: Tokenizer) -> list[int]:
    """Return one whole message: its role id, its text, <|end|>."""
    return [ROLE_IDS[message.role], *tokenizer.encode(message.text), Special.END]


def encode_prompt(messages: Iterable[Message], *, tokenizer: Tokenizer) -> list[int]:
    """Return what stands before the bot's next reply: all that was said, then its role id."""
    ids: list[int] = [Special.BEGIN]
    for message in messages:
        ids += encode_message(message, tokenizer=tokenizer)
    return [*ids, Special.BOT]
