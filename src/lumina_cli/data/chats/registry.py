"""Which file is a chat of which program: by content, as far as its beginning tells.

A new program is a module in `exporters/` and a line here.
"""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

from lumina_cli.data.chats.archive import is_archive, open_archive
from lumina_cli.data.chats.exporters import (
    dated_lines,
    discord,
    headed,
    messenger,
    signal,
    slack,
    subtitles,
    telegram,
    timed_lines,
    transcript,
    wechat,
)
from lumina_cli.data.chats.json_stream import Item, items
from lumina_cli.data.chats.message import ChatMessage, ExportFile
from lumina_cli.data.config import DataConfig
from lumina_cli.data.readers.documents.encodings import marked_encoding
from lumina_cli.data.readers.documents.kinds import document_kind
from lumina_cli.data.readers.text_files import SAMPLE_CHARS, open_text
from lumina_cli.data.report import Location, ReadReport
from lumina_cli.errors import DataError

_OF_ONE_FORMAT = (telegram, discord, slack, messenger, signal, transcript, subtitles, wechat)
FORMATS = timed_lines.FORMATS.union(
    headed.FORMATS, ["whatsapp"], [each.FORMAT for each in _OF_ONE_FORMAT]
)
"""What the formats of chats are called in a report."""

Messages = Callable[[ExportFile, ReadReport], Iterator[ChatMessage]]

_JSON: tuple[tuple[Callable[[list[Item]], bool], Messages], ...] = (
    (telegram.matches, telegram.messages),
    (discord.matches, discord.messages),
    (messenger.matches, messenger.messages),
    (slack.matches, slack.messages),
    (signal.matches_rows, signal.messages_of_rows),
)
_ITEMS_TRIED = 400


class Export(NamedTuple):
    """A file that is a chat, and what reads its messages."""

    file: ExportFile
    messages: Messages


def is_chat(path: Path, *, config: DataConfig) -> bool:
    """Say whether a file is a chat, or an archive that may hold some."""
    if config.format not in ("auto", "chat", "subtitles"):
        return False
    try:
        kind = document_kind(path, config=config)
        if kind and not (kind == "subtitles" and config.bot):
            return False
        if is_archive(path):
            return True
        return _find(file_on_disk(path, config=config), config) is not None
    except DataError:  # a table, or damaged: told by the reader of other files
        return False


@contextmanager
def chat_exports(
    path: Path, *, config: DataConfig, report: ReadReport
) -> Iterator[Iterator[Export]]:
    """Open a file that is a chat, or an archive, and give the chats in it.

    Raises:
        DataError: it is damaged.
    """
    if is_archive(path):
        with open_archive(path, encoding=config.encoding, report=report) as files:
            yield _chats_among(files, config=config, report=report)
    else:
        export = _find(file_on_disk(path, config=config), config)
        yield iter([export] if export else [])


def file_on_disk(
    path: Path, *, config: DataConfig, cache: dict[str, object] | None = None
) -> ExportFile:
    """Return a file of the user's as one of an export."""
    cache = {} if cache is None else cache

    def beside(name: str) -> ExportFile | None:
        parts = [part for part in name.split("/") if part != ".."]
        other = path.parent.joinpath(*parts)
        if name.startswith("../"):
            other = path.absolute().parent.parent.joinpath(*parts)
        return file_on_disk(other, config=config, cache=cache) if other.is_file() else None

    open_it: Callable[[], AbstractContextManager[IO[str]]]
    open_it = partial(open_text, path, encoding=marked_encoding(path, config=config))
    return ExportFile(path, open_it, beside, cache)


def _chats_among(
    files: Iterator[ExportFile], *, config: DataConfig, report: ReadReport
) -> Iterator[Export]:
    for file in files:
        try:
            export = _find(file, config)
        except DataError as error:
            wording = "a file of the archive can't be read"
            report.notices.add(wording, Location(file.path), example=error.message[:80])
            continue
        if export is None:
            report.left_out.add("a file of the archive is no chat", Location(file.path))
        else:
            yield export


def _find(file: ExportFile, config: DataConfig) -> Export | None:
    """Return what reads a file as a chat, or None."""
    with file.open() as text:
        sample = text.read(SAMPLE_CHARS)
    if config.bot and subtitles.matches(sample):
        return Export(file, subtitles.messages)
    if config.format == "subtitles":
        return None
    messages = find_messages(sample, path=file.path, forced=config.format == "chat")
    return Export(file, messages) if messages else None


def find_messages(sample: str, *, path: Path, forced: bool = False) -> Messages | None:
    """Return what reads the messages of a text, by how it begins; None for no chat.

    Args:
        sample: the beginning of the text.
        path: its name.
        forced: whether the settings say that it is a chat.
    """
    begin = sample.lstrip("\ufeff \t\n")
    if begin[:1] == "{" or (begin[:1] == "[" and begin[1:].lstrip()[:1] in ("{", "]", '"', "[")):
        return _find_json(sample, begin, path=path)
    if discord.matches_csv(begin):
        return discord.messages_of_csv
    if wechat.matches_csv(begin):
        return wechat.messages_of_csv
    if discord.matches_text(begin):
        return discord.messages_of_text
    if headed.find_form(sample):
        return headed.messages
    if dated_lines.find_dialect(sample):
        return dated_lines.messages
    if timed_lines.find_form(sample):
        return timed_lines.messages
    if transcript.find_script(sample, path=path, forced=forced):
        return transcript.messages
    return None


def _find_json(sample: str, begin: str, *, path: Path) -> Messages | None:
    first_line = begin.partition("\n")[0]
    try:
        first = json.loads(first_line)
    except (ValueError, RecursionError):
        first = None
    if signal.matches_lines(first):
        return signal.messages_of_lines
    found = items(io.StringIO(sample), path=path, report=None)
    tried = list(islice(found, _ITEMS_TRIED))
    for matches, messages in _JSON:
        if matches(tried):
            return messages
    if slack.matches_list(tried, path.name.lower()):
        return slack.messages_of_list
    return None
