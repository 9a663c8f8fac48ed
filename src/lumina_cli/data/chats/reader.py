"""Chats as conversations: the way into this room."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from lumina_cli.data.chats.conversations import Conversations
from lumina_cli.data.chats.registry import chat_exports
from lumina_cli.data.chats.speakers import most_talkative, unknown_names
from lumina_cli.data.config import DataConfig
from lumina_cli.data.report import LocatedDocument, Location, ReadReport
from lumina_cli.errors import DataError


class ChatReader:
    """Reads the chats among the files of one pass; one may go on in the next file.

    Args:
        config: who the bot is, and which pause begins a new conversation.
        report: what is met is counted here.
        speakers: counts who speaks, asked where nobody is named as the bot.
    """

    def __init__(
        self, config: DataConfig, *, report: ReadReport, speakers: Callable[[], Counter[str]]
    ) -> None:
        self._config = config
        self._report = report
        self._speakers = speakers
        self._conversations: Conversations | None = None

    @property
    def has_begun(self) -> bool:
        """Whether a chat was read; it may go on in the next file."""
        return self._conversations is not None

    def documents(self, path: Path, *, is_named: bool) -> Iterator[LocatedDocument]:
        """Yield the conversations that a file completes.

        Args:
            path: a chat, or an archive.
            is_named: whether the user named it, not only a folder around it.

        Raises:
            DataError: it is damaged, or an archive without a chat.
        """
        conversations = self._begun(path)
        config, report, num_chats = self._config, self._report, 0
        with chat_exports(path, config=config, report=report) as exports:
            for export in exports:
                num_chats += 1
                for message in export.messages(export.file, report):
                    yield from conversations.push(message)
        if num_chats or not is_named:
            return
        raise DataError(
            f"{path} is an archive that holds no chat",
            hint="Export the chats as text or JSON (not HTML), or unpack it and give the files.",
        )

    def finish(self) -> Iterator[LocatedDocument]:
        """Yield the conversations that are left, and tell of names that nobody has."""
        if self._conversations is not None:
            yield from self._conversations.finish()

    def _begun(self, path: Path) -> Conversations:
        if self._conversations is None:
            bots = self._config.bot or self._usual_bot(path)
            self._report.bots = tuple(bots)
            self._conversations = Conversations(
                bots=bots, gap_s=self._config.gap_s, report=self._report
            )
        return self._conversations

    def _usual_bot(self, path: Path) -> tuple[str, ...]:
        name = most_talkative(self._speakers())
        if name is None:
            return ()
        wording = "nobody is named as the bot, so it is who wrote most (--bot NAME names another)"
        self._report.notices.add(wording, Location(path), example=name)
        return (name,)


def refuse_other(path: Path, *, is_named: bool, report: ReadReport) -> None:
    """Refuse a file that is no chat where the settings say that it is one, or tell of it."""
    if is_named:
        raise DataError(
            f"{path} is no chat that is known",
            hint="`lumina docs own-chats` shows them; --format auto reads other formats, too.",
        )
    report.notices.add("a file of the folder is no chat; it is not read", Location(path))


def unknown_bots(report: ReadReport) -> list[str]:
    """Return the names of bots by which nobody in the chats that were read is called."""
    return unknown_names(report.bots, report.speakers) if report.speakers else []
