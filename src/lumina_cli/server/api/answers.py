"""Answers as OpenAI's API has them: a whole one, and the events of a stream."""

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lumina_cli.core.inference.stopping import FinishReason, GenerationChunk
from lumina_cli.server.api.protocol import to_json
from lumina_cli.server.api.tokens import Entry, TokenEntries, is_of_prompt, legacy_logprobs
from lumina_cli.server.generation.models import ServedModel
from lumina_cli.server.generation.texts import TextEvent

Kind = Literal["chat", "text"]

DONE = b"data: [DONE]\n\n"


@dataclass(slots=True)
class TextSoFar:
    """One text of an answer."""

    entries: TokenEntries
    text: str = ""
    tokens: list[Entry] = field(default_factory=list)
    num_ids: int = 0
    num_ids_of_prompt: int = 0
    finish_reason: FinishReason | None = None


@dataclass(frozen=True, slots=True)
class AnswerPlan:
    """What of an answer is certain before its texts are.

    Args:
        kind: which of the two APIs.
        model: that says the texts.
        num_prompt_ids: of all prompts together.
        prompt_lengths: of the prompt of each text, in ids.
        seed: by which the texts can be had again.
        has_logprobs: whether to tell how likely each token was.
        has_usage: whether a stream ends with the usage.
        notices: what there is to tell of the request.
    """

    kind: Kind
    model: ServedModel
    num_prompt_ids: int
    prompt_lengths: Sequence[int]
    seed: int
    has_logprobs: bool = False
    has_usage: bool = False
    notices: Sequence[str] = ()


class Answer:
    """The texts of a request as they come, as JSON."""

    def __init__(self, plan: AnswerPlan) -> None:
        self._plan = plan
        self._texts = [TextSoFar(TokenEntries(plan.model.tokenizer)) for _ in plan.prompt_lengths]
        self.notices = list(plan.notices)
        prefix = "chatcmpl" if plan.kind == "chat" else "cmpl"
        self._head: dict[str, Any] = {
            "id": f"{prefix}-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": plan.model.name,
            "system_fingerprint": plan.model.file.digest,
        }

    @property
    def num_ids(self) -> int:
        """Ids generated so far, of all texts, without those that only say a prompt's end."""
        return sum(text.num_ids - text.num_ids_of_prompt for text in self._texts)

    @property
    def text(self) -> str:
        """All texts so far, one after the other."""
        return "\n".join(text.text for text in self._texts)

    def begin(self) -> bytes:
        """Return the first event of a stream: whose turn it is, and the seed."""
        delta = {"role": "assistant", "content": ""}
        choices = [
            self._part(index, "", [], delta=delta if self._plan.kind == "chat" else None)
            for index in range(len(self._texts))
        ]
        return self._event(choices, lumina=self._lumina())

    def take(self, event: TextEvent) -> bytes:
        """Take what became of a text; return an event of a stream, nothing where there is none."""
        if event.place is not None:  # a comment: programs pass it over, the page shows it
            return b": place %d\n\n" % event.place
        so_far = self._texts[event.index]
        offset = len(so_far.text)
        text, tokens = self._add(so_far, event.chunks)
        so_far.finish_reason = event.finish_reason
        events = b""
        if text or tokens:
            events = self._event([self._part(event.index, text, tokens, offset=offset)])
        if event.finish_reason:
            events += self._event([self._part(event.index, "", [], finish=event.finish_reason)])
        return events

    def end(self) -> bytes:
        """Return the last events of a stream, with what there is to tell by now."""
        events = b""
        if self.notices != list(self._plan.notices):
            events += self._event([], lumina=self._lumina())
        if self._plan.has_usage:
            events += self._event([], usage=self._usage())
        return events + DONE

    def cut(self, notice: str) -> bytes:
        """End all texts that go on; return the events that say so."""
        self.notices.append(notice)
        events = b""
        for index, text in enumerate(self._texts):
            if text.finish_reason is None:
                text.finish_reason = "length"
                events += self._event([self._part(index, "", [], finish="length")])
        return events

    def whole(self) -> dict[str, Any]:
        """Return the answer that is no stream."""
        kind = "chat.completion" if self._plan.kind == "chat" else "text_completion"
        choices = [self._choice(index, text) for index, text in enumerate(self._texts)]
        return {
            **self._head,
            "object": kind,
            "choices": choices,
            "usage": self._usage(),
            "lumina": self._lumina(),
        }

    def outgrows(self) -> bool:
        """Whether a text was longer than the context, so that the model went on without its
        beginning."""
        size = self._plan.model.seq_length
        pairs = zip(self._plan.prompt_lengths, self._texts, strict=True)
        return any(length + text.num_ids - 1 > size for length, text in pairs)  # the last is unread

    def _add(self, so_far: TextSoFar, chunks: Sequence[GenerationChunk]) -> tuple[str, list[Entry]]:
        text = "".join(chunk.text for chunk in chunks)
        so_far.text += text
        so_far.num_ids += len(chunks)
        so_far.num_ids_of_prompt += sum(map(is_of_prompt, chunks))
        if not self._plan.has_logprobs:
            return text, []
        tokens = so_far.entries.take(chunks)
        so_far.tokens += tokens
        return text, tokens

    def _part(
        self,
        index: int,
        text: str,
        tokens: Sequence[Entry],
        *,
        offset: int = 0,
        delta: dict[str, str] | None = None,
        finish: FinishReason | None = None,
    ) -> dict[str, Any]:
        """Return one text's part of an event."""
        if self._plan.kind == "chat":
            content = delta or ({"content": text} if text or tokens else {})
            rest: dict[str, Any] = {"delta": content}
        else:
            rest = {"text": text}
        logprobs = self._logprobs(tokens, offset=offset) if tokens else None
        return {"index": index, **rest, "logprobs": logprobs, "finish_reason": finish}

    def _choice(self, index: int, so_far: TextSoFar) -> dict[str, Any]:
        message = {"role": "assistant", "content": so_far.text, "refusal": None}
        is_chat = self._plan.kind == "chat"
        rest: dict[str, Any] = {"message": message} if is_chat else {"text": so_far.text}
        has_logprobs = self._plan.has_logprobs
        logprobs = self._logprobs(so_far.tokens, offset=0) if has_logprobs else None
        finish = so_far.finish_reason
        return {"index": index, **rest, "logprobs": logprobs, "finish_reason": finish}

    def _logprobs(self, tokens: Sequence[Entry], *, offset: int) -> dict[str, Any]:
        if self._plan.kind == "chat":
            return {"content": tokens, "refusal": None}
        return legacy_logprobs(tokens, offset=offset)

    def _usage(self) -> dict[str, int]:
        prompt, said = self._plan.num_prompt_ids, self.num_ids
        return {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": prompt + said}

    def _lumina(self) -> dict[str, Any]:
        return {"seed": self._plan.seed, "notices": self.notices}

    def _event(self, choices: Sequence[dict[str, Any]], **more: Any) -> bytes:
        kind = "chat.completion.chunk" if self._plan.kind == "chat" else "text_completion"
        content = {**self._head, "object": kind, "choices": choices, **more}
        return as_event(content)


def as_event(content: dict[str, Any]) -> bytes:
    """Return an object as an event of a stream."""
    return b"data: " + to_json(content) + b"\n\n"
