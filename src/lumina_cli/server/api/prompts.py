"""What a model reads for a request: its messages or its prompt as ids."""

from collections.abc import Sequence
from typing import NamedTuple

from lumina_cli.chat.context import CUT, FORGETS, Context, fit_context
from lumina_cli.chat.session import ROOM_FOR_REPLY
from lumina_cli.conversation import ROLE_NAMES, Message
from lumina_cli.server.api.errors import ApiError
from lumina_cli.server.api.protocol import ChatMessage, ChatRequest
from lumina_cli.server.generation.models import ServedModel
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.chat_format import encode_message, encode_prompt
from lumina_cli.tokenizer.special_ids import Special

LEAST_PROMPT = 6
"""Ids that a conversation takes at least where it is cut."""


class Prompt(NamedTuple):
    """What a model reads.

    Attributes:
        ids: at least one.
        notices: what there is to tell of what was left out.
        held_text: the end of the text that is not among the ids: the first ids that are generated
            are held to it (`Tokenizer.without_open_end`).
        num_held: ids that this end has.
    """

    ids: list[int]
    notices: list[str]
    held_text: str = ""
    num_held: int = 0

    @property
    def num_ids(self) -> int:
        """Ids of the whole prompt."""
        return len(self.ids) + self.num_held


def chat_prompt(request: ChatRequest, model: ServedModel) -> Prompt:
    """Return what stands before the reply: the conversation, and what of the reply is there.

    Raises:
        ApiError: it is longer than the context, or there is no reply to go on with.
    """
    messages = [_message(message) for message in request.messages]
    reply = ""
    if request.continue_final_message:
        if messages[-1].role != "bot":
            raise ApiError(
                "continue_final_message goes on with a last message of the assistant's.",
                param="continue_final_message",
                code="invalid_value",
            )
        reply = messages.pop().text
    num_chars = sum(len(message.text) for message in messages) + len(reply)
    if not request.truncate:
        _refuse_too_long(num_chars, model, where="messages")
        said = model.tokenizer.encode(reply)
        begun, held_text = model.tokenizer.without_open_end(said)
        ids = [*encode_prompt(messages, tokenizer=model.tokenizer), *begun]
        prompt = Prompt(ids, [], held_text, num_held=len(said) - len(begun))
        _refuse_too_many_ids(prompt.num_ids, model, where="messages")
        return prompt
    return _fitted(messages, reply, model)


def text_prompt(text: str, model: ServedModel, *, truncate: bool) -> Prompt:
    """Return a plain text as ids.

    Raises:
        ApiError: it is longer than the context.
    """
    if not truncate:
        _refuse_too_long(len(text), model, where="prompt")
    tail = _tail(text, model.tokenizer, max_ids=model.seq_length)
    whole = model.tokenizer.encode(tail)
    rest, held_text = model.tokenizer.without_open_end(whole)
    ids, num_held = [int(Special.BEGIN), *rest], len(whole) - len(rest)
    if not truncate:
        _refuse_too_many_ids(len(ids) + num_held, model, where="prompt")
    is_cut = len(tail) < len(text) or len(ids) > model.seq_length
    notices = [told(CUT, model)] if is_cut else []
    return Prompt(ids[-model.seq_length :], notices, held_text, num_held)


def told(template: str, model: ServedModel) -> str:
    """Return a line that tells how many characters the model reads at once."""
    return template.format(round(model.seq_length * model.tokenizer.chars_per_id))


def _message(message: ChatMessage) -> Message:
    return Message(ROLE_NAMES[message.role], message.text)


def _fitted(messages: Sequence[Message], reply: str, model: ServedModel) -> Prompt:
    """Return as much of a conversation as the context holds, as a chat does."""
    size, part = model.seq_length, model.seq_length // ROOM_FOR_REPLY
    said = model.tokenizer.encode(_tail(reply, model.tokenizer, max_ids=size))
    begun, held_text = model.tokenizer.without_open_end(said)
    room = size - part - len(begun)
    if messages and messages[-1].role == "user" and room >= max(part, LEAST_PROMPT):
        context = fit_context(messages, tokenizer=model.tokenizer, max_ids=room, spare_ids=part)
    else:
        context = _newest(messages, model, max_ids=max(room, part, LEAST_PROMPT))
    ids = [*context.ids, *begun]
    notices = [told(CUT, model)] if context.is_cut or len(ids) > size else []
    if context.turns_dropped:
        notices.append(told(FORGETS, model))
    return Prompt(ids[-size:], notices, held_text, num_held=len(said) - len(begun))


def _newest(messages: Sequence[Message], model: ServedModel, *, max_ids: int) -> Context:
    """Return the newest of any messages, by ids."""
    ids: list[int] = []
    for message in reversed(messages):
        if len(ids) > max_ids:
            break
        tail = _tail(message.text, model.tokenizer, max_ids=max_ids)
        short = Message(message.role, tail)
        ids = [*encode_message(short, tokenizer=model.tokenizer), *ids]
    kept = ids[max(0, len(ids) + 2 - max_ids) :]
    is_cut = len(kept) < len(ids)
    return Context([int(Special.BEGIN), *kept, int(Special.BOT)], is_cut=is_cut)


def _tail(text: str, tokenizer: Tokenizer, *, max_ids: int) -> str:
    """Return the end of a text, at least as much as so many ids hold."""
    return text[-max_ids * tokenizer.max_chars_per_id :]


def _refuse_too_long(num_chars: int, model: ServedModel, *, where: str) -> None:
    """Refuse what can't fit before it is encoded."""
    if num_chars > model.seq_length * model.tokenizer.max_chars_per_id:
        raise _too_long(f"{num_chars} characters", model, where=where)


def _refuse_too_many_ids(num_ids: int, model: ServedModel, *, where: str) -> None:
    if num_ids > model.seq_length:
        raise _too_long(f"{num_ids} tokens", model, where=where)


def _too_long(what: str, model: ServedModel, *, where: str) -> ApiError:
    return ApiError(
        f"This model's maximum context length is {model.seq_length} tokens; {what} in {where} are "
        'too many. Shorten them, or send "truncate": true.',
        param=where,
        code="context_length_exceeded",
    )
