"""What somebody meant who typed a command line that can't be understood."""

import re
from pathlib import Path
from typing import Any, cast

import typer

from lumina_cli.io.shell_word import shell_word

CommandLineError = cast(type[Exception], typer.BadParameter.__mro__[1])
"""Click's UsageError, which Typer carries inside and does not export."""

MEANT = {
    "check": "lumina data check",
    "download": "lumina data fetch",
    "fetch": "lumina data fetch",
    "list": "lumina data list",
    "resume": "lumina train --resume",
    "continue": "lumina train --resume",
    "demo": "lumina train --preset demo",
    "pretrain": "lumina train",
    "talk": "lumina chat",
    "run": "lumina chat",
    "sample": "lumina generate",
    "evaluate": "lumina eval",
    "tune": "lumina finetune",
    "models": "lumina info",
}
"""Commands by what other programs call them, or by a part of their name."""

_EXTRA = re.compile(r"extra arguments?(?:\(s\))? \((.*)\)", re.DOTALL)


_WORDS_OF_A_TYPE = re.compile(r"Value error, |Input should be ")
_GUESS = re.compile(r"\.? Did you mean .*")


def message_of(error: Any) -> str:
    """Return what is wrong with a command line, on one line and in our words.

    Click's guess of a command is left out where the hint knows better.
    """
    message = " ".join(error.format_message().rstrip(".").split())
    message = _WORDS_OF_A_TYPE.sub(
        lambda found: "must be " if found[0].startswith("Input") else "", message
    )
    if _unknown_command(error) in MEANT:
        message = _GUESS.sub("", message)
    return message[:1].lower() + message[1:]


def hint_of(error: Any) -> str:
    """Return what to type instead; where nothing better is known, where the help is."""
    path = error.ctx.command_path if error.ctx else "lumina"
    if extra := _EXTRA.search(error.message):
        return _of_extra(path, extra[1]) or f"See: {path} --help"
    meant = MEANT.get(_unknown_command(error))
    return f"Did you mean: {meant}" if meant else f"See: {path} --help"


def _of_extra(path: str, given: str) -> str:
    """Return what a word that stands alone could be meant as, in a command that takes none."""
    shown = shell_word(given)
    is_model = given.endswith(".pth") or Path(given).is_file()
    if path in ("lumina chat", "lumina generate", "lumina serve", "lumina export") and is_model:
        return f"Name a model with --model: {path} --model {shown}"
    if path == "lumina chat":
        return f"To say something and exit: lumina chat --prompt {shown}"
    if path == "lumina eval":
        return f"Name the text with --data: lumina eval --data {shown}"
    return ""


def _unknown_command(error: Any) -> str:
    """Return the command that there isn't, or nothing where another thing is wrong."""
    return error.message.split("'")[1] if error.message.startswith("No such command '") else ""
