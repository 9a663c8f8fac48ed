"""A session in a file: JSON that a person can read, and that is checked before it is used."""

import errno
import json
import re
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError, model_validator

from lumina_cli.conversation import Message, Role
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.errors import DataError, MissingInputError, OutputError
from lumina_cli.io.atomic import write_atomically
from lumina_cli.io.regular_file import read_whole
from lumina_cli.io.terminal_text import strip_controls

MAX_FILE_BYTES = 64_000_000
MAX_MESSAGES = 100_000
MAX_ERRORS = 100
"""To look for the first of; each takes some memory."""

MAX_TOKENS = 10 * MAX_MESSAGES
"""Strings, opening brackets, commas and colons: a message has nine."""

_ANOTHER_NAME = "Choose another name: /save FILE"
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{,:]', re.DOTALL)
"""A string without an end goes to the end, so that no byte is looked at twice."""

_TOO_LARGE = f"more than {MAX_FILE_BYTES // 1_000_000} MB"


class SavedMessage(BaseModel):
    """One message, as it was shown."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    role: Role
    text: str


class SavedSession(BaseModel):
    """All that a session needs to go on exactly where it was.

    Draws come from the seed and the number of replies drawn so far, so the two stand for
    the state of the random numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Literal["lumina-chat"] = "lumina-chat"
    version: Literal[1] = 1
    model: str = Field(max_length=1_000, description="Digest of the model.")
    sampling: SamplingConfig
    seed: int = Field(ge=0, lt=2**63)
    num_drawn: int = Field(ge=0, lt=2**63)
    messages: Annotated[tuple[SavedMessage, ...], Field(max_length=MAX_MESSAGES), FailFast()]

    @model_validator(mode="after")
    def _turns_alternate(self) -> Self:
        order = "".join(message.role[0] for message in self.messages)
        if not re.fullmatch("s?(ub)*u?", order):
            raise ValueError("messages must be system or none, then user and bot in turn")
        return self

    def conversation(self) -> list[Message]:
        """Return the messages as the tokenizer takes them; a reply is what can be shown of it."""
        return [
            Message(m.role, strip_controls(m.text) if m.role == "bot" else m.text)
            for m in self.messages
        ]


def write_session(path: Path, session: SavedSession) -> None:
    """Write a session file; another session's file is replaced, any other file is not.

    Raises:
        OutputError: the file can't be created, or is something else.
        StorageError: the disk is full or fails.
    """
    if _is_there(path) and not _is_session(path):
        raise OutputError(f"{path} is there and is not a saved chat", hint=_ANOTHER_NAME)
    if not path.parent.is_dir():
        raise OutputError(f"there is no folder {path.parent}", hint=_ANOTHER_NAME)
    content = (session.model_dump_json(indent=2) + "\n").encode()
    if len(content) > MAX_FILE_BYTES or _has_too_many_tokens(content):
        raise OutputError(f"the chat is too long to be saved: {_TOO_LARGE}", hint="See: /undo")
    write_atomically(path, content)


def read_session(path: Path) -> SavedSession:
    """Read a session file.

    Raises:
        MissingInputError: there is no such file, or it can't be read.
        DataError: it is not a saved chat; the message says where it differs.
    """
    content = _read(path)
    if _has_too_many_tokens(content):
        raise DataError(f"{path} is not a saved chat: it holds too many values")
    try:
        session = SavedSession.model_validate_json(content)
    except ValidationError as error:
        raise DataError(
            f"{path} is not a saved chat: {_why_not(error)}",
            hint="A chat is saved with: /save FILE",
        ) from None
    if _names_twice(content):
        raise DataError(f"{path} is not a saved chat: one of its keys is there twice")
    return session


def _names_twice(content: bytes) -> bool:
    """Whether an object of a chat has a key twice: readers differ in which of them they take."""

    def is_read_one_way(pairs: list[tuple[str, object]]) -> None:
        if len({key for key, _ in pairs}) < len(pairs):
            raise _TwiceError

    try:
        json.loads(content, object_pairs_hook=is_read_one_way)
    except _TwiceError:
        return True
    return False


class _TwiceError(Exception):
    """A key is there twice."""


def _why_not(error: ValidationError) -> str:
    if error.error_count() > MAX_ERRORS:
        return f"more than {MAX_ERRORS} of its values are wrong"
    details = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part)[:100] for part in details["loc"])
    return f"{where + ': ' if where else ''}{details['msg'][:200]}"


def _has_too_many_tokens(content: bytes) -> bool:
    """Whether JSON has more values than a chat; none is made, for small ones take much memory."""
    return any(islice(_TOKEN.finditer(content), MAX_TOKENS, None))


def _read(path: Path) -> bytes:
    """Return what a regular file holds; anything else might never end, or never begin."""
    try:
        return read_whole(path, max_bytes=MAX_FILE_BYTES)
    except FileNotFoundError:
        raise MissingInputError(
            f"there is no file {path}", hint="A chat is saved with: /save FILE"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        if isinstance(error, OSError) and error.errno == errno.EFBIG:
            raise DataError(f"{path} is too large to be a saved chat: {_TOO_LARGE}") from error
        raise MissingInputError(f"{path} can't be read: {_why(error)}") from error


def _why(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as error:  # a name too long, a closed folder; NUL in the name
        raise OutputError(f"{path} can't be written: {_why(error)}", hint=_ANOTHER_NAME) from error
    return True


def _is_session(path: Path) -> bool:
    try:
        read_session(path)
    except (DataError, MissingInputError):
        return False
    return True
