"""Files as conversations and texts: the door of the data room.

    files → rows, tagged text or plain text → documents, with a report of all that was met

Everything streams. Memory holds one row or one stretch of a plain text; of OASST messages
it holds the ids, while their texts wait in a temporary file until the trees are known.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO

from lumina_cli.conversation import Conversation, Document
from lumina_cli.data.config import DataConfig
from lumina_cli.data.oasst.message_table import MessageTable
from lumina_cli.data.oasst.trees import conversations_of_trees
from lumina_cli.data.readers.csv_rows import UnknownColumnsError
from lumina_cli.data.readers.files import container_of_file, rows_of_file
from lumina_cli.data.readers.plain_text import stretches
from lumina_cli.data.readers.sniff import SAMPLE_CHARS, data_suffix
from lumina_cli.data.readers.sources import (
    DATA_SUFFIXES,
    Stamp,
    changed,
    find_files,
    open_regular,
    stamp_of,
)
from lumina_cli.data.readers.tagged import is_side_by_side, tagged_conversations
from lumina_cli.data.readers.text_files import open_text
from lumina_cli.data.report import Place, ReadReport, example_of
from lumina_cli.data.schemas.detect import COLUMNS
from lumina_cli.data.schemas.row_reader import Placed, RowReader
from lumina_cli.data.schemas.turns import cut_after_last_reply
from lumina_cli.data.text_repair import Mender
from lumina_cli.errors import DataError, LuminaError, MissingInputError
from lumina_cli.renamed_settings import with_first_names

READER_VERSION = 3
"""Part of every fingerprint: raise it when the same files begin to read differently."""

_SETTINGS_READ = {
    "allow_skips",
    "encoding",
    "fix_mojibake",
    "format",
    "include_synthetic",
    "oasst_lang",
    "oasst_paths",
}


class Documents:
    """The documents of files and folders, read anew in each iteration.

    Args:
        paths: files and folders.
        config: how they are read.

    `report` tells of the latest iteration; it is complete when that is.
    """

    def __init__(self, paths: Sequence[Path], *, config: DataConfig) -> None:
        self.paths = tuple(paths)
        self.config = config
        self.report = ReadReport()
        self._stamps: dict[Path, Stamp] = {}

    def __iter__(self) -> Iterator[Document]:
        """Yield all documents.

        Raises:
            MissingInputError: a path is missing, or the files hold no text.
            DataError: a file can't be read as text, more than 5 % of the rows were skipped,
                or nothing is left of what was read.
        """
        yield from self.read()
        if refusal := self.refusal():
            raise refusal

    def read(self) -> Iterator[Document]:
        """Yield all documents, however poor the reading was; the report tells.

        Raises:
            MissingInputError: a path is missing.
            DataError: a file can't be read as text.
        """
        self.report = report = ReadReport()
        mender = Mender(mojibake=self.config.fix_mojibake, report=report)
        with MessageTable() as trees:
            rows = RowReader(self.config, trees=trees, mender=mender, report=report)
            for path in find_files(self.paths, report=report):
                for place, document in self._documents_of(path, rows):
                    mended = mender.document(document, place=place)
                    yield from self._counted(mended, place)
            for conversation in conversations_of_trees(
                trees, lang=self.config.oasst_lang, paths=self.config.oasst_paths, report=report
            ):
                report.saw_document(conversation)
                yield conversation

    def refusal(self) -> LuminaError | None:
        """Return why the latest reading is too poor to go on with, or None."""
        too_many = None if self.config.allow_skips else self.report.too_many_skipped()
        if too_many or self.report.documents:
            return too_many
        return _nothing_left(self.report, paths=self.paths)

    @cached_property
    def fingerprint(self) -> str:
        """A SHA-256 over the content of the files and the settings that change its reading."""
        settings = with_first_names(self.config.model_dump(include=_SETTINGS_READ))
        digest = hashlib.sha256(json.dumps([READER_VERSION, settings], sort_keys=True).encode())
        for path in find_files(self.paths, report=ReadReport()):
            with self._unchanged(path), open_regular(path) as file:
                content = hashlib.file_digest(file, "sha256").digest()
            digest.update(data_suffix(path).encode() + b"\0" + content)
        return digest.hexdigest()

    def _documents_of(self, path: Path, rows: RowReader) -> Iterator[Placed]:
        """Yield the documents of one file; messages of trees go into the table of `rows`."""
        config, report = self.config, self.report
        with self._unchanged(path):
            container = container_of_file(path, config=config)
            if container == "tagged":
                with open_text(path, encoding=config.encoding) as text:
                    side_by_side = is_side_by_side(text.read(SAMPLE_CHARS))
                with open_text(path, encoding=config.encoding) as text:
                    yield from tagged_conversations(
                        text, path=path, report=report, side_by_side=side_by_side
                    )
            elif container == "text":
                with open_text(path, encoding=config.encoding) as text:
                    yield from self._plain_text(text, path)
            else:
                found = rows_of_file(path, config=config, report=report, columns=COLUMNS)
                try:
                    yield from rows.documents(found)
                except UnknownColumnsError:
                    if path in self.paths:
                        raise
                    wording = "a table of the folder has no column that is known; it is not read"
                    report.notices.add(wording, Place(path))

    def _plain_text(self, file: IO[str], path: Path) -> Iterator[Placed]:
        for stretch in stretches(file):
            if stretch.text.starts:
                self.report.saw_row(path, "text")
                self._tell_of_another_ending(path)
            yield Place(path, stretch.line), stretch.text

    def _tell_of_another_ending(self, path: Path) -> None:
        suffix = data_suffix(path)
        if suffix and suffix not in DATA_SUFFIXES and self.config.format == "auto":
            wording = "by its ending it is no plain text; it is read as such, with all its marks"
            self.report.notices.add(wording, Place(path), example=suffix)

    def _counted(self, document: Document, place: Place) -> Iterator[Document]:
        """Yield a document without turns that stay unanswered, if something is left of it."""
        if isinstance(document, Conversation):
            answered = cut_after_last_reply(document)
            num_cut = len(document.messages) - (len(answered.messages) if answered else 0)
            if num_cut:
                self.report.left_out.add("no reply follows it", place, count=num_cut)
            if answered is None:
                return
            document = answered
        self.report.saw_document(document)
        yield document

    @contextmanager
    def _unchanged(self, path: Path) -> Iterator[None]:
        """Refuse a file that changes while it is read, or between two readings."""
        stamp = self._stamps.setdefault(path, stamp_of(path))
        yield
        if stamp_of(path) != stamp:
            raise changed(path)


def _nothing_left(report: ReadReport, *, paths: Sequence[Path]) -> LuminaError:
    """Return the error for data that was read and gave nothing."""
    where = ", ".join(map(str, paths))
    remarks = [*report.left_out, *report.skipped]
    if not remarks:
        return MissingInputError(
            f"{where} holds no text", hint="`lumina data fetch starter` writes some to begin with."
        )
    wording, tally = max(remarks, key=lambda remark: remark[1].count)
    return DataError(
        f"{tally.first}: {wording}{example_of(tally)}; nothing is left of {where}",
        hint="`lumina data check` shows what was met, and why it is not read.",
    )
