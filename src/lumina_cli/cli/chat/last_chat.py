"""The last chat at a terminal, kept in the user's data folder, so that it can be gone on with."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lumina_cli.errors import LuminaError, MissingInputError
from lumina_cli.io.folders.private_folder import make_private_folder
from lumina_cli.io.folders.user_folders import data_folder

if TYPE_CHECKING:
    from lumina_cli.chat.session import Session


def last_chat() -> Path:
    """Return the file of the last chat.

    Raises:
        MissingInputError: there is none.
    """
    path = _path()
    if not path.is_file():
        raise MissingInputError("there is no chat to go on with", hint="Begin one: lumina chat")
    return path


def keep_last_chat(session: "Session") -> None:
    """Keep a chat in which something was said; where that fails, the chat was none the worse."""
    from lumina_cli.chat.session_file import write_session  # noqa: PLC0415  torch

    if session.last_question is None:
        return
    with suppress(LuminaError, OSError):
        make_private_folder(_path().parent)
        write_session(_path(), session.saved())


def _path() -> Path:
    return data_folder() / "last_chat.json"
