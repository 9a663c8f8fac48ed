"""Who the model learns to be, decided before a chat between people is trained on."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from lumina_cli.data.chats.conversations import OTHERS
from lumina_cli.data.chats.speakers import told_speakers
from lumina_cli.data.config import DataConfig
from lumina_cli.data.documents import Documents
from lumina_cli.errors import UsageError
from lumina_cli.recipes.data.sources import STARTER
from lumina_cli.settings import Settings

Ask = Callable[[Counter[str]], Sequence[str]]
"""Shows speakers with their numbers of messages and returns the names of those chosen."""

ANSWER = "your answer"


def with_bot(settings: Settings, *, paths: Sequence[Path], ask: Ask | None) -> Settings:
    """Return settings that say who the bot is, where the data are chats and nobody said it.

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
    if len(speakers) < 2:
        return settings
    names = ask(speakers) if ask else ()
    if not names:
        raise nobody_named(speakers)
    return settings.replaced({"bot": list(names)}, source=ANSWER)


def nobody_named(speakers: Counter[str]) -> UsageError:
    """Return the error for chats in which nobody is named as the bot."""
    first = next((name for name, _ in speakers.most_common() if name != OTHERS), "NAME")
    return UsageError(
        f"the data are chats of {len(speakers):,} people, and none of them is named as the bot",
        hint=f'Say who the model learns to be: --bot "{first}" (--format text learns it as plain '
        f"text). They are, with their messages: {told_speakers(speakers)}",
    )
