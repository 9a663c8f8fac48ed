"""Who the model learns to be, decided before a chat between people is trained on."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from lumina_cli.conversation import ROLE_NAMES
from lumina_cli.data.chats.conversations import OTHERS
from lumina_cli.data.chats.speakers import told_speakers
from lumina_cli.data.config import DataConfig
from lumina_cli.data.documents import Documents
from lumina_cli.data.readers.documents.subtitles.speech import UNNAMED
from lumina_cli.errors import UsageError
from lumina_cli.recipes.data.sources import STARTER
from lumina_cli.settings import Settings


class Ask(Protocol):
    """Shows speakers with their numbers of messages and returns the names of those chosen."""

    def __call__(self, speakers: Counter[str], *, may_be_nobody: bool = False) -> Sequence[str]:
        """Ask until somebody is named, unless it may be nobody."""


ANYBODY = "\0"
"""Nobody is called so: with somebody as the bot, subtitles that name speakers are chats."""

ANSWER = "your answer"


def with_bot(settings: Settings, *, paths: Sequence[Path], ask: Ask | None) -> Settings:
    """Return settings that say who the bot is, where the data are chats and nobody said it.

    Subtitles that name who speaks are a text where nobody is named, or can be asked.

    Args:
        settings: of the command.
        paths: to learn from and to validate on.
        ask: asks a person; None where nobody can be asked.

    Raises:
        UsageError: nobody can be asked.
        LuminaError: the data can't be read.
    """
    config = settings.of(DataConfig)
    paths = [path for path in paths if str(path) != STARTER or path.exists()]
    if config.bot or not paths:
        return settings
    speakers = Documents(paths, config=config).speakers
    is_text = len(speakers) < 2
    if ask:
        speakers = _with_subtitles(paths, config=config)
    names = ask(speakers, may_be_nobody=is_text) if ask and len(speakers) > 1 else ()
    if names:
        return settings.replaced({"bot": list(names)}, source=ANSWER)
    if is_text:
        return settings
    raise nobody_named(speakers)


def _with_subtitles(paths: Sequence[Path], *, config: DataConfig) -> Counter[str]:
    """Return who speaks in chats and subtitles; nobody where their names say who the bot is."""
    speakers = Documents(paths, config=config.model_copy(update={"bot": (ANYBODY,)})).speakers
    del speakers[UNNAMED]
    roles = {ROLE_NAMES.get(name.lower()) for name in speakers}
    return Counter() if {"user", "bot"} <= roles else speakers


def nobody_named(speakers: Counter[str]) -> UsageError:
    """Return the error for chats in which nobody is named as the bot."""
    first = next((name for name, _ in speakers.most_common() if name != OTHERS), "NAME")
    return UsageError(
        f"the data are chats of {len(speakers):,} people, and none of them is named as the bot",
        hint=f'Say who the model learns to be: --bot "{first}" (--format text learns it as plain '
        f"text). They are, with their messages: {told_speakers(speakers)}",
    )
