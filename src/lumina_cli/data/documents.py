"""Files as conversations and texts: the way into the data room.

    files → rows, tagged text or plain text → documents, with a report of all that was met

Everything streams. Memory holds one row or one chunk of a plain text; of OASST messages it holds
the ids, while their texts wait in a temporary file until the trees are complete.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import chain, groupby
from pathlib import Path
from typing import NamedTuple

from lumina_cli.conversation import Conversation, Document
from lumina_cli.data.chats.anonymize import Anonymizer
from lumina_cli.data.chats.reader import ChatReader, refuse_other, unknown_bots
from lumina_cli.data.chats.registry import is_chat
from lumina_cli.data.chats.speakers import count_speakers, told_speakers
from lumina_cli.data.config import DataConfig
from lumina_cli.data.oasst.message_table import MessageTable
from lumina_cli.data.oasst.trees import conversations_of_trees
from lumina_cli.data.readers.csv_rows import UnknownColumnsError
from lumina_cli.data.readers.files import (
    DOCUMENT_SUFFIXES,
    Stamp,
    changed,
    data_suffix,
    find_files,
    open_regular,
    stamp_of,
)
from lumina_cli.data.readers.registry import DOCUMENT_READERS, blocks_of_file
from lumina_cli.data.readers.sniff import sniff_file
from lumina_cli.data.report import LocatedDocument, Location, ReadReport, example_of
from lumina_cli.data.row_converter import RowConverter
from lumina_cli.data.rows import RowBlock
from lumina_cli.data.schemas.detect import COLUMNS
from lumina_cli.data.strip.stripper import Stripper
from lumina_cli.data.text_repair import TextRepair
from lumina_cli.data.uniform.blocks import UniformBlocks
from lumina_cli.errors import DataError, LuminaError, MissingInputError, UsageError
from lumina_cli.tokenizer.document_batch import DocumentBatch, in_batches

READER_VERSION = 3
"""Part of every fingerprint, by which runs and models know their text: it stays. Raise `READER` of
the corpus cache when the same files begin to read differently."""

_SETTINGS_READ = {
    "allow_skips",
    "anonymize",
    "bot",
    "columns",
    "encoding",
    "fix_mojibake",
    "format",
    "gap",
    "include_synthetic",
    "oasst_lang",
    "oasst_paths",
    "strip",
}


class _Reading(NamedTuple):
    """What reads the files of one pass, and what changes their texts."""

    converter: RowConverter
    uniform: UniformBlocks
    chats: ChatReader
    repair: TextRepair
    stripper: Stripper
    anonymizer: Anonymizer | None


class Documents:
    """The documents of files and folders, read anew in each iteration.

    Args:
        paths: files and folders.
        config: how they are read.

    `report` is that of the latest iteration; it is complete when that is.
    """

    def __init__(self, paths: Sequence[Path], *, config: DataConfig) -> None:
        self.paths = tuple(paths)
        self.config = config
        self.report = ReadReport()
        self._stamps: dict[Path, Stamp] = {}
        self._columns = COLUMNS.union(config.column_names.values(), config.named_columns)

    def __iter__(self) -> Iterator[Document]:
        """Yield all documents.

        Raises:
            MissingInputError: a path is missing, or the files hold no text.
            DataError: a file can't be read as text, more than 5 % of the rows were skipped,
                or nothing is left of what was read.
        """
        for batch in self.batches():
            yield from batch.documents()

    def batches(self) -> Iterator[DocumentBatch]:
        """Yield all documents, many at a time. Raises as iteration does."""
        yield from self.read()
        if refusal := self.refusal():
            raise refusal

    def read(self) -> Iterator[DocumentBatch]:
        """Yield all documents, however many rows were skipped; `report` tells.

        Raises:
            MissingInputError: a path is missing.
            DataError: a file can't be read as text.
        """
        self.report = ReadReport()
        for batch in self._batches():
            self.report.saw_batch(batch)
            yield batch

    def _batches(self) -> Iterator[DocumentBatch]:
        config, report = self.config, self.report
        repair = TextRepair(mojibake=config.fix_mojibake, report=report)
        anonymizer = Anonymizer(self.speakers, report=report) if config.anonymize else None
        with MessageTable() as trees:
            converter = RowConverter(config, trees=trees, repair=repair, report=report)
            reading = _Reading(
                converter,
                UniformBlocks(config, read_alone=converter.read_alone, trees=trees, report=report),
                ChatReader(config, report=report, speakers=lambda: self.speakers),
                repair,
                Stripper(config.stripped, report=report),
                anonymizer,
            )
            for path in find_files(self.paths, report=report):
                met = _num_met(report)
                yield from self._batches_of(path, reading)
                if _num_met(report) == met:
                    report.notices.add("the file holds nothing to read", Location(path))
            yield from in_batches(self._counted(reading.chats.finish(), reading))
            of_trees = conversations_of_trees(
                trees, lang=config.oasst_lang, paths=config.oasst_paths, report=report
            )
            if anonymizer or config.stripped:
                of_trees = in_batches(self._of_trees(of_trees, reading))
            yield from of_trees

    def _of_trees(self, batches: Iterable[DocumentBatch], reading: _Reading) -> Iterator[Document]:
        """Yield the documents of trees, changed as the settings say."""
        at = Location(self.paths[0])
        located = ((at, each) for batch in batches for each in batch.documents())
        for _, each in reading.stripper.documents(located, in_rows=True):
            anonymizer = reading.anonymizer
            yield anonymizer.document(each, location=at) if anonymizer else each

    @cached_property
    def speakers(self) -> Counter[str]:
        """How many messages each speaker of the chats wrote; the files are read for it."""
        files = find_files(self.paths, report=ReadReport())
        return count_speakers(files, config=self.config)

    def refusal(self) -> LuminaError | None:
        """Return the error for a latest reading with too many skipped rows or no text, or None."""
        too_many = None if self.config.allow_skips else self.report.too_many_skipped()
        if too_many or self.report.documents:
            return too_many
        return _nobody_of_that_name(self.report) or _nothing_left(self.report, paths=self.paths)

    @cached_property
    def fingerprint(self) -> str:
        """A SHA-256 over the content of the files and the settings by which they are read."""
        settings = self.config.hashed(include=_SETTINGS_READ)
        digest = hashlib.sha256(json.dumps([READER_VERSION, settings], sort_keys=True).encode())
        for path in find_files(self.paths, report=ReadReport()):
            with self._unchanged(path), open_regular(path) as file:
                content = hashlib.file_digest(file, "sha256").digest()
            digest.update(data_suffix(path).encode() + b"\0" + content)
        return digest.hexdigest()

    def _batches_of(self, path: Path, reading: _Reading) -> Iterator[DocumentBatch]:
        """Yield the documents of one file; messages of trees are collected by `reading`."""
        config, report = self.config, self.report
        with self._unchanged(path):
            if is_chat(path, config=config):
                located = reading.chats.documents(path, is_named=path in self.paths)
                yield from in_batches(self._counted(located, reading))
                return
            if config.format == "chat":
                refuse_other(path, is_named=path in self.paths, report=report)
                return
            container = sniff_file(path, config=config)
            if container == "text" and self._is_no_document(path):
                wording = "a file of the folder is not what its ending says; it is not read"
                report.notices.add(wording, Location(path))
                return
            if read_documents := DOCUMENT_READERS.get(container):
                located = read_documents(path, config=config, report=report)
                yield from in_batches(self._counted(located, reading))
                return
            blocks = blocks_of_file(
                path, container=container, config=config, report=report, columns=self._columns
            )
            try:
                yield from self._batches_of_rows(blocks, reading)
            except UnknownColumnsError:
                if path in self.paths:
                    raise
                wording = "a table of the folder has no column that is known; it is not read"
                report.notices.add(wording, Location(path))

    def _is_no_document(self, path: Path) -> bool:
        """Say whether only a folder brought in a text with the ending of a document."""
        is_asked_for = path in self.paths or self.config.format == "text"
        return data_suffix(path) in DOCUMENT_SUFFIXES and not is_asked_for

    def _batches_of_rows(
        self, blocks: Iterable[RowBlock], reading: _Reading
    ) -> Iterator[DocumentBatch]:
        """Yield the documents of rows: many rows at a time where they are alike."""
        parts: Iterable[DocumentBatch | RowBlock] = blocks
        if reading.anonymizer is None:  # it looks at each text
            parts = chain.from_iterable(map(reading.uniform.parts, blocks))
        for is_uniform, some in groupby(parts, key=lambda part: isinstance(part, DocumentBatch)):
            if is_uniform:
                yield from some  # type: ignore[misc]
            else:
                rows = chain.from_iterable(block.rows() for block in some)  # type: ignore[union-attr]
                located = reading.converter.documents(rows)
                yield from in_batches(self._counted(located, reading, in_rows=True))
        finished = reading.converter.finish()
        yield from in_batches(self._counted(finished, reading, in_rows=True))

    def _counted(
        self, located: Iterable[LocatedDocument], reading: _Reading, *, in_rows: bool = False
    ) -> Iterator[Document]:
        """Yield documents repaired, and cut after the last reply if anything is left."""
        for location, document in reading.stripper.documents(located, in_rows=in_rows):
            kept: Document | None = reading.repair.document(document, location=location)
            if kept and reading.anonymizer:
                kept = reading.anonymizer.document(kept, location=location)
            if isinstance(kept, Conversation):
                num_messages = len(kept.messages)
                kept = cut_after_last_reply(kept)
                if num_cut := num_messages - (len(kept.messages) if kept else 0):
                    self.report.left_out.add("no reply follows it", location, count=num_cut)
            if kept:
                yield kept

    @contextmanager
    def _unchanged(self, path: Path) -> Iterator[None]:
        """Refuse a file that changes while it is read, or between two readings."""
        stamp = self._stamps.setdefault(path, stamp_of(path))
        yield
        if stamp_of(path) != stamp:
            raise changed(path)


def cut_after_last_reply(conversation: Conversation) -> Conversation | None:
    """Return a conversation up to the bot's last message; None where the bot says nothing.

    Nothing can be learnt from a question without a reply.
    """
    messages = conversation.messages
    end = len(messages)
    while end and messages[end - 1].role != "bot":
        end -= 1
    if end == len(messages):
        return conversation
    return Conversation(messages[:end], group=conversation.group) if end else None


def _num_met(report: ReadReport) -> int:
    return report.rows + report.left_out.total + report.notices.total


def _nobody_of_that_name(report: ReadReport) -> LuminaError | None:
    """Return the error for chats in which nobody is called as the settings say, or None."""
    unknown = unknown_bots(report)
    if not unknown or len(unknown) < len(report.bots):
        return None
    return UsageError(
        f"nobody in the chats is called {unknown[0]!r}",
        hint=f"Name one of the speakers: --bot NAME. They are: {told_speakers(report.speakers)}",
    )


def _nothing_left(report: ReadReport, *, paths: Sequence[Path]) -> LuminaError:
    """Return the error for data that was read and gave nothing."""
    where = ", ".join(map(str, paths))
    issues = [*report.left_out, *report.skipped]
    if not issues:
        return MissingInputError(
            f"{where} holds no text", hint="`lumina data fetch starter` writes some to begin with."
        )
    wording, issue = max(issues, key=lambda each: each[1].count)
    return DataError(
        f"{issue.first}: {wording}{example_of(issue)}; nothing is left of {where}",
        hint="`lumina data check` shows what was met, and why it is not read.",
    )
