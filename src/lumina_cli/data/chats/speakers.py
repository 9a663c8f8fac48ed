"""Who speaks in the chats of some files, and who of them is the bot."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from lumina_cli.data.chats.conversations import OTHERS, count_speaker
from lumina_cli.data.chats.message import same_name
from lumina_cli.data.chats.registry import chat_exports, is_chat
from lumina_cli.data.config import DataConfig
from lumina_cli.data.report import ReadReport

MOST_TOLD = 12


def count_speakers(paths: Iterable[Path], *, config: DataConfig) -> Counter[str]:
    """Return how many messages each speaker of the chats among some files wrote.

    Raises:
        DataError: a file is damaged.
    """
    report = ReadReport()
    for path in paths:
        if is_chat(path, config=config):
            with chat_exports(path, config=config, report=report) as exports:
                for export in exports:
                    for message in export.messages(export.file, report):
                        count_speaker(report, message)
    return report.speakers


def most_talkative(speakers: Counter[str]) -> str | None:
    """Return who wrote most messages, the first by name of several; None where nobody did."""
    names = [name for name in speakers if name != OTHERS]
    return min(names, key=lambda name: (-speakers[name], name), default=None)


def unknown_names(names: Sequence[str], speakers: Iterable[str]) -> list[str]:
    """Return those of the names by which no speaker is called."""
    known = set(map(same_name, speakers))
    return [name for name in names if same_name(name) not in known]


def told_speakers(speakers: Counter[str]) -> str:
    """Return the speakers with their numbers of messages, the most talkative first."""
    told = [f"{name} ({count:,})" for name, count in speakers.most_common(MOST_TOLD)]
    more = len(speakers) - len(told)
    return ", ".join(told) + (f" and {more:,} more" if more > 0 else "")
