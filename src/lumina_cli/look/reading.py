"""From messages or a text to what a model reads: ids, whose words they are, what was learnt.

T ids.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lumina_cli.conversation import Conversation, Message, PlainText
from lumina_cli.look.pieces import Guess, Piece, Speaker, Text
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.chat_format import ROLE_IDS, LossOn, encode_documents
from lumina_cli.tokenizer.special_ids import Special, is_special

SPEAKERS: dict[int, Speaker] = {id_: role for role, id_ in ROLE_IDS.items()}


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as ids.

    Attributes:
        ids: T.
        counted: whether predicting each is learnt, (T,).
        tokenizer: that of the model.
    """

    ids: list[int]
    counted: list[bool]
    tokenizer: Tokenizer

    def __len__(self) -> int:
        return len(self.ids)

    def with_reply(self, ids: Sequence[int]) -> "Reading":
        """Return the text with what the model said behind it, as it was drawn."""
        return Reading([*self.ids, *ids], [*self.counted, *(True for _ in ids)], self.tokenizer)

    def text(self, start: int = 0, stop: int | None = None) -> Text:
        """Return the pieces from `start` up to `stop`."""
        speakers, decoder = self._speakers(), self.tokenizer.stream_decoder()
        pieces = [
            Piece(id_, decoder.decode(id_), self.tokenizer.describe(id_), speaker, is_counted)
            for id_, speaker, is_counted in zip(self.ids, speakers, self.counted, strict=True)
        ]
        return Text(pieces[start:stop], start)

    def last_turn(self) -> tuple[str, Speaker]:
        """Return the text behind the last tag that has text behind it, and whose it is."""
        stop = len(self.ids)
        while stop and is_special(self.ids[stop - 1]):
            stop -= 1
        start = stop
        while start and not is_special(self.ids[start - 1]):
            start -= 1
        turn = self.tokenizer.decode(self.ids[start:stop])
        return turn, self._speakers()[start] if turn else "text"

    def _speakers(self) -> list[Speaker]:
        speakers: list[Speaker] = []
        speaker: Speaker = "text"
        for id_ in self.ids:
            speaker = SPEAKERS.get(id_, "text" if id_ == Special.BEGIN else speaker)
            speakers.append(speaker)
        return speakers


def read_messages(
    messages: Sequence[Message],
    *,
    tokenizer: Tokenizer,
    loss_on: LossOn,
    is_ended: bool = True,
) -> Reading:
    """Return a conversation as a model reads it; behind another's words the bot is to speak.

    Args:
        messages: at least one.
        tokenizer: that of the model.
        loss_on: whose messages it learnt from.
        is_ended: whether the bot's last message is whole.
    """
    documents = [Conversation(tuple(messages))]
    encoded = encode_documents(documents, tokenizer=tokenizer, loss_on=loss_on)
    ids, counted = encoded.ids.tolist(), encoded.in_loss.tolist()
    if messages[-1].role != "bot":
        return Reading([*ids, Special.BOT], [*counted, False], tokenizer)
    return (
        Reading(ids, counted, tokenizer) if is_ended else Reading(ids[:-1], counted[:-1], tokenizer)
    )


def read_plain(text: str, *, tokenizer: Tokenizer, is_ended: bool = False) -> Reading:
    """Return a plain text as a model reads it."""
    documents = [PlainText(text, ends=is_ended)]
    encoded = encode_documents(documents, tokenizer=tokenizer, loss_on="all")
    return Reading(encoded.ids.tolist(), encoded.in_loss.tolist(), tokenizer)


def guesses(tokenizer: Tokenizer, ids: Sequence[int], probs: Sequence[float]) -> list[Guess]:
    """Return ids and their probabilities as they are shown."""
    return [Guess(id_, tokenizer.describe(id_), p) for id_, p in zip(ids, probs, strict=True)]
