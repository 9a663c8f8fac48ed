"""What may be asked of the inside of a model, each field with its bounds (no starlette).

Look itself checks what it means. It could do more than stands here: a reply is drawn by the API
of chats, whose texts take turns, and whole maps are too large.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from lumina_cli.server.api.errors import ApiError
from lumina_cli.server.api.protocol import MAX_MESSAGES, MAX_NAME_CHARS, Fields, parse_fields

MAX_CHARS = 4_000
"""Of a text that is looked at: others wait meanwhile."""

MAX_PLACE = 1_000_000
MAX_HEADS = 1_000

ViewName = Literal["next", "surprise", "matters", "source", "layers", "heads", "characters"]


class ViewMessage(Fields):
    """A message of the conversation that is looked at."""

    role: Literal["system", "user", "bot"]
    text: str


class ViewRequest(Fields):
    """A request for a view of what a model makes of a text."""

    view: ViewName
    model: str | None = Field(
        None, max_length=MAX_NAME_CHARS, description="Name of the model; the first without it."
    )
    messages: list[ViewMessage] = Field(
        [], max_length=MAX_MESSAGES, description="A conversation, or else:"
    )
    text: str = Field("", max_length=MAX_CHARS, description="A plain text.")
    is_ended: bool | None = Field(None, description="Whether the last message, or the text, ends.")
    at: Annotated[int, Field(ge=0, le=MAX_PLACE)] | str | None = Field(
        None, description="The piece that is explained: its place, or a text that begins there."
    )
    sampling: dict[str, Any] = Field({}, description="Settings over those of the model.")
    off: list[
        Annotated[
            list[Annotated[int, Field(ge=0, le=MAX_PLACE)]], Field(min_length=2, max_length=2)
        ]
    ] = Field([], max_length=MAX_HEADS, description="Heads off: layer and head, from 0.")
    characters: str = Field("", max_length=MAX_CHARS, description="Those to compare.")


def parse_view_request(body: bytes) -> ViewRequest:
    """Return a request.

    Raises:
        ApiError: it is no valid request, or its text is long.
    """
    request = parse_fields(body, ViewRequest)
    if len(request.text) + sum(len(message.text) for message in request.messages) > MAX_CHARS:
        raise ApiError(
            f"The text has more than {MAX_CHARS:,} characters.", param="text", code="invalid_value"
        )
    return request
