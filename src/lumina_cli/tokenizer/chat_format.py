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
from lumina_cli.tokenizer.base import IdArray, Tokenizer
from lumina_cli.tokenizer.special_ids import Special

LossOn = Literal["bot", "all"]

ROLE_IDS: dict[Role, Special] = {
    "system": Special.SYSTEM,
    "user": Special.USER,
    "bot": Special.BOT,
}
_ROLE_IDS = {role: int(special) for role, special in ROLE_IDS.items()}
_BEGIN, _END = int(Special.BEGIN), int(Special.END)
"""Plain numbers: NumPy takes a list of them many times faster than one of enum members."""


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
    layout = _Layout()
    for document in documents:
        if isinstance(document, Conversation):
            layout.conversation(document, loss_on=loss_on)
        else:
            layout.plain_text(document)
    return layout.encode(tokenizer)


def encode_message(message: Message, *, tokenizer: Tokenizer) -> list[int]:
    """Return one whole message: its role id, its text, <|end|>."""
    return [ROLE_IDS[message.role], *tokenizer.encode(message.text), Special.END]


def encode_prompt(messages: Iterable[Message], *, tokenizer: Tokenizer) -> list[int]:
    """Return what stands before the bot's next reply: all that was said, then its role id."""
    ids: list[int] = [Special.BEGIN]
    for message in messages:
        ids += encode_message(message, tokenizer=tokenizer)
    return [*ids, Special.BOT]


class _Layout:
    """Texts and the special ids among them, before any of it is encoded.

    The special ids never join the text, not even as placeholders: each is kept with the
    number of texts that stand before it, and put in its place when their ids are known.
    """

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._texts_count: list[bool] = []
        self._special: list[int] = []
        self._special_in_loss: list[bool] = []
        self._texts_before: list[int] = []

    def conversation(self, conversation: Conversation, *, loss_on: LossOn) -> None:
        """Lay out <|begin|> and, for each message, its role id, its text and <|end|>."""
        self._add_special(_BEGIN)
        for message in conversation.messages:
            counts = message.in_loss and (loss_on == "all" or message.role == "bot")
            before = len(self._texts)
            self._texts.append(message.text)
            self._texts_count.append(counts)
            self._special += (_ROLE_IDS[message.role], _END)
            self._special_in_loss += (False, counts)
            self._texts_before += (before, before + 1)

    def plain_text(self, text: PlainText) -> None:
        """Lay out a chunk of text, <|begin|> before the first and <|end|> behind the last."""
        if text.starts:
            self._add_special(_BEGIN)
        self._texts.append(text.text)
        self._texts_count.append(True)
        if text.ends:
            self._add_special(_END, counts=True)

    def encode(self, tokenizer: Tokenizer) -> MaskedIds:
        """Return the ids of all that was laid out."""
        ids, begins = tokenizer.encode_batch(self._texts)
        places = begins[self._texts_before]
        in_loss = np.repeat(np.array(self._texts_count, dtype=np.bool_), np.diff(begins))
        return MaskedIds(
            np.insert(ids, places, self._special),
            np.insert(in_loss, places, self._special_in_loss),
        )

    def _add_special(self, id_: int, *, counts: bool = False) -> None:
        self._special.append(id_)
        self._special_in_loss.append(counts)
        self._texts_before.append(len(self._texts))
