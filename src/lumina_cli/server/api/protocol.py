"""Requests as OpenAI's API has them, each field with its bounds (no starlette).

What is here is all that has an effect. Fields of OpenAI's that have none are refused, unless
they are at the value that asks for nothing (`NEUTRAL`); a few that concern only OpenAI itself
are told (`TOLD`).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, from_json

from lumina_cli.server.api.errors import ApiError, unsupported

MAX_TEXTS = 4
MAX_STOPS, MAX_STOP_CHARS = 4, 64
MAX_TOP_LOGPROBS = 20
MAX_MESSAGES = 1_000
MAX_BIASED_IDS = 300
MAX_NAME_CHARS = 256

NEUTRAL: Mapping[str, tuple[object, ...]] = {
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "parallel_tool_calls": (),
    "audio": (),
    "prediction": (),
    "reasoning_effort": (),
    "verbosity": (),
    "web_search_options": (),
    "store": (False,),
    "service_tier": ("auto", "default"),
    "best_of": (1,),
    "echo": (False,),
    "suffix": ("",),
    "max_completion_tokens": (),
    "logprobs": (),
    "top_logprobs": (),
    "metadata": ({},),
}
"""Values that ask for nothing, beside null, of fields that have no effect."""

TOLD = ("user", "safety_identifier", "prompt_cache_key")
"""Fields that tell OpenAI who asks: taken, and the answer says that nothing comes of them."""

NEUTRAL_OF_MESSAGES: Mapping[str, tuple[object, ...]] = {
    "refusal": (),
    "annotations": ([],),
    "audio": (),
    "function_call": (),
    "tool_calls": ([],),
}
"""The same for the fields of a message: clients send an answer's message back as they got it."""

TOLD_OF_MESSAGES = ("name",)

Request = TypeVar("Request", bound="Fields")
StopText = Annotated[str, Field(min_length=1, max_length=MAX_STOP_CHARS)]


class Fields(BaseModel):
    """What is asked for: all that has an effect, each field of its type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class StreamOptions(Fields):
    """What a stream holds beside the text."""

    include_usage: bool = Field(False, description="Whether the last event tells the usage.")


class TextPart(Fields):
    """A part of a message."""

    type: Literal["text"]
    text: str


class ChatMessage(Fields):
    """One message of a conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | Annotated[list[TextPart], Field(max_length=100)]

    @property
    def text(self) -> str:
        """What it says, whether in parts or not."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content)


class SamplingFields(Fields):
    """What both kinds of requests hold."""

    model: str | None = Field(
        None, max_length=MAX_NAME_CHARS, description="Name of the model; the first without it."
    )
    stream: bool | None = Field(None, description="Whether the text comes as it is generated.")
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(
        None, ge=1, le=1_000_000, description="The text ends after this many tokens."
    )
    temperature: float | None = Field(None, ge=0, le=2, description="0 is greedy.")
    top_p: float | None = Field(None, ge=0, le=1, description="Nucleus sampling; 1 is off.")
    top_k: int | None = Field(
        None, ge=-1, le=65_536, description="Top-k sampling; 0 and -1 are off."
    )
    min_p: float | None = Field(None, ge=0, le=1, description="Min-p sampling; 0 is off.")
    repetition_penalty: float | None = Field(None, ge=1, le=2, description="1 is off.")
    seed: int | None = Field(
        None, ge=-(2**63), lt=2**63, description="The same seed gives the same text."
    )
    stop: StopText | Annotated[list[StopText], Field(max_length=MAX_STOPS)] | None = Field(
        None, description="The text ends before one of these."
    )
    n: int | None = Field(None, ge=1, le=MAX_TEXTS, description="How many texts to generate.")
    logit_bias: (
        Annotated[
            dict[
                Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,5})$")],
                Annotated[float, Field(ge=-100, le=100)],
            ],
            Field(max_length=MAX_BIASED_IDS),
        ]
        | None
    ) = Field(None, description="What to add to the logits of ids.")
    truncate: bool | None = Field(
        None, description="Whether a prompt that is longer than the context is cut, as in a chat."
    )


class ChatRequest(SamplingFields):
    """A request for the next message of a conversation."""

    messages: list[ChatMessage] = Field(min_length=1, max_length=MAX_MESSAGES)
    max_completion_tokens: int | None = Field(
        None, ge=1, le=1_000_000, description="Another name of max_tokens."
    )
    logprobs: bool | None = Field(None, description="Whether to tell how likely each token was.")
    top_logprobs: int | None = Field(
        None, ge=0, le=MAX_TOP_LOGPROBS, description="Likely tokens to tell, with logprobs."
    )
    continue_final_message: bool | None = Field(
        None, description="Whether to go on with the last message, which is the assistant's."
    )


class CompletionRequest(SamplingFields):
    """A request for a text that is gone on with."""

    prompt: str | Annotated[list[str], Field(min_length=1, max_length=MAX_TEXTS)] = Field(
        "", description="The text to go on with, or up to four."
    )
    logprobs: int | None = Field(
        None, ge=0, le=MAX_TOP_LOGPROBS, description="Likely tokens to tell at each place."
    )


def parse_request(body: bytes, kind: type[Request]) -> tuple[Request, list[str]]:
    """Return a request, and what there is to tell of its fields.

    Raises:
        ApiError: it is no valid request.
    """
    content = _parse_object(body)
    notices = _drop_idle(content, kind, neutral=NEUTRAL, told=TOLD)
    if isinstance(messages := content.get("messages"), list):
        notices += _drop_idle_of_messages(messages)
    return _validated(content, kind), notices


def parse_fields(body: bytes, kind: type[Request]) -> Request:
    """Return a request of lumina's own, of which nothing is without effect.

    Raises:
        ApiError: it is no valid request.
    """
    return _validated(_parse_object(body), kind)


def _drop_idle(
    fields: dict[str, Any],
    kind: type[BaseModel],
    *,
    neutral: Mapping[str, tuple[object, ...]],
    told: Sequence[str],
    where: str = "",
) -> list[str]:
    """Drop fields that have no effect; return what there is to tell of them.

    Raises:
        ApiError: one asks for something.
    """
    notices = [f"{name} has no effect here" for name in told if fields.pop(name, None) is not None]
    for name in [name for name in fields if name not in kind.model_fields]:
        if not _is_neutral(fields.pop(name), (None, *neutral[name]) if name in neutral else ()):
            raise unsupported(f"{where}{name}"[:MAX_NAME_CHARS])
    return notices


def _drop_idle_of_messages(messages: Sequence[object]) -> list[str]:
    return [
        f"messages: {notice}"
        for number, message in enumerate(messages)
        if isinstance(message, dict)
        for notice in _drop_idle(
            message,
            ChatMessage,
            neutral=NEUTRAL_OF_MESSAGES,
            told=TOLD_OF_MESSAGES,
            where=f"messages.{number}.",
        )
    ]


def _parse_object(body: bytes) -> dict[str, Any]:
    try:
        content = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise ApiError(f"The body is not valid JSON: {error}", code="invalid_json") from None
    if not isinstance(content, dict):
        raise ApiError("The body must be a JSON object.", code="invalid_json")
    return content


def _validated(content: dict[str, Any], kind: type[Request]) -> Request:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise _explained(error.errors(include_url=False)) from None


def _is_neutral(value: object, neutral: Sequence[object]) -> bool:
    """Whether a value asks for nothing; to Python false is 0, but not here."""
    return any(
        value == each and isinstance(value, bool) == isinstance(each, bool) for each in neutral
    )


def _explained(errors: Sequence[ErrorDetails]) -> ApiError:
    """Say what is wrong with a field; of one that may be a text or a list, by what it is."""
    details = min(errors, key=lambda each: each["type"] in ("string_type", "list_type"))
    places = [str(place) for place in details["loc"] if not _is_of_a_union(place)]
    name = ".".join(places)[:MAX_NAME_CHARS]
    if details["type"] == "extra_forbidden":
        return unsupported(name)
    message = details["msg"]
    if details["type"] == "missing":
        message = "it is missing"
    return ApiError(f"{name}: {message}.", param=name or None, code="invalid_value")


def _is_of_a_union(place: object) -> bool:
    """Whether a part of a place only names which of several kinds was tried."""
    return isinstance(place, str) and (place in ("str", "constrained-str") or "[" in place)


def to_json(value: object) -> bytes:
    """Return a value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
