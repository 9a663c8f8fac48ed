"""Replies as a person would have them, kept in a file that `lumina finetune` learns from."""

import json
from collections.abc import Sequence
from pathlib import Path

from lumina_cli.conversation import Message
from lumina_cli.errors import OutputError
from lumina_cli.io.regular_file import is_cut_off, open_to_append

TAUGHT = Path("taught.jsonl")
_ROLES = {"system": "system", "user": "user", "bot": "assistant"}


def keep_taught(path: Path, messages: Sequence[Message]) -> None:
    """Add a conversation to a file, a line of JSON in the form that many programs read.

    It lies in the current folder, which may be anybody's: no link leads elsewhere. A last line
    without an end is ended first.

    Raises:
        OutputError: the file can't be written, or is a link.
    """
    if path.is_symlink():
        raise OutputError(
            f"{path} is a link: nothing is written through it",
            hint="Put the file itself there, or take it away.",
        )
    rows = [{"role": _ROLES[message.role], "content": message.text} for message in messages]
    line = json.dumps({"messages": rows}, ensure_ascii=True)
    try:
        begin = "\n" if path.exists() and is_cut_off(path) else ""
        with open_to_append(path) as file:
            file.write(f"{begin}{line}\n")
    except OSError as error:
        raise OutputError(
            f"{path} can't be written: {error.strerror}",
            hint="Go to a folder of your own, and chat there.",
        ) from error
