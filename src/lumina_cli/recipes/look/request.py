"""What may be asked of a model that is looked into."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lumina_cli.conversation import Role
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.errors import UsageError

ViewName = Literal[
    "overview", "next", "surprise", "matters", "source", "layers", "heads", "characters"
]
MAX_CHARS = 100_000
WITH_REPLY: frozenset[ViewName] = frozenset(
    {"overview", "surprise", "matters", "source", "layers", "heads"}
)
"""Views of what the model says; the others need no reply."""


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class LookMessage(_Plain):
    """A message of the conversation that is looked at."""

    role: Role
    text: str


class LookRequest(_Plain):
    """What to look at, and how.

    Attributes:
        view: which view.
        messages: a conversation, or
        text: a plain text.
        is_ended: whether a last message of the bot's, or the text, is whole; by default the
            message is, the text is not.
        draw_reply: whether the model replies first, where the last message is not the bot's.
        at: the piece that is explained or predicted: its place in the whole text, counted from
            0, or a text that begins there (or the number, from 1, of a character) in the last
            turn. By default the one that the model was least sure of.
        sampling: settings over the model's own.
        off: heads that are switched off, layer and head from 0.
        with_maps, with_logits: what is large, on request.
        characters: those to compare, all where there are none.
    """

    view: ViewName = "overview"
    messages: list[LookMessage] = Field(default=[], max_length=1_000)
    text: str = ""
    is_ended: bool | None = None
    draw_reply: bool = False
    at: int | str | None = None
    sampling: dict[str, Any] = {}
    off: list[tuple[int, int]] = []
    with_maps: bool = False
    with_logits: bool = False
    characters: str = ""


def parse_request(values: Mapping[str, Any]) -> LookRequest:
    """Return what plain values ask for. Raises UsageError where they can't be meant."""
    try:
        return LookRequest.model_validate(values)
    except ValidationError as error:
        raise _wrong(error) from error


def sampling_of(request: LookRequest, *, own: SamplingConfig) -> SamplingConfig:
    """Return the settings that hold for a request: those it names, else the model's own.

    Raises:
        UsageError: one can't be.
    """
    try:
        return SamplingConfig.model_validate({**own.model_dump(mode="json"), **request.sampling})
    except ValidationError as error:
        raise _wrong(error) from error


def refuse_long(text: str) -> None:
    """Raise UsageError for more text than is looked at."""
    if len(text) > MAX_CHARS:
        raise UsageError(
            f"the text has {len(text):,} characters; look takes {MAX_CHARS:,}",
            hint="To measure a model on a long one: lumina eval --data FILE",
        )


def _wrong(error: ValidationError) -> UsageError:
    details = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, details["loc"]))[:100]
    return UsageError(f"{where}: {details['msg']}")
