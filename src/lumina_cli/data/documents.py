"""Files as conversations and texts: the way into the data room.

    files → rows, tagged text or plain text → documents, with a report of all that was met

Everything streams. Memory holds one row or one chunk of a plain text; of OASST messages it holds
the ids, while their texts wait in a temporary file until the trees are complete.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from itertools import chain, groupby
from pathlib import Path

from lumina_cli.conversation import Document
from lumina_cli.data.chats.reader import refuse_other
from lumina_cli.data.chats.registry import is_chat
from lumina_cli.data.chats.speakers import count_speakers
from lumina_cli.data.checkpoints import Checkpoint, State, TextPlace, between_checkpoints
from lumina_cli.data.config import DataConfig
from lumina_cli.data.one_pass import Pass
from lumina_cli.data.one_pass import begun as pass_begun
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
from lumina_cli.data.refusals import refusal_of
from lumina_cli.data.report import Location, ReadReport
from lumina_cli.data.rows import RowBlock
from lumina_cli.data.schemas.detect import COLUMNS
from lumina_cli.errors import LuminaError
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
        for batch in self._read(None):
            if not isinstance(batch, Checkpoint):
                yield batch

    def checkpointed(self, begin: State | None = None) -> Iterator[DocumentBatch | Checkpoint]:
        """Yield all documents, and places from which reading could go on.

        Args:
            begin: of such a place in the same files. Documents and `report` go on from there.

        Raises:
            LuminaError: as `batches` does.
        """
        yield from self._read(begin)
        if refusal := self.refusal():
            raise refusal

    def end(self) -> State:
        """Return the place behind the latest reading: nothing follows it but its report."""
        return {"file": None, "report": self.report.to_json()}

    def _read(self, begin: State | None) -> Iterator[DocumentBatch | Checkpoint]:
        self.report = ReadReport.from_json(begin["report"]) if begin else ReadReport()
        if begin and begin["file"] is None:
            return
        files = find_files(self.paths, report=ReadReport() if begin else self.report)
        with pass_begun(self.config, report=self.report, speakers=lambda: self.speakers) as reading:
            for batch in self._batches(files, reading, begin):
                if not isinstance(batch, Checkpoint):
                    self.report.saw_batch(batch)
                yield batch

    def _batches(
        self, files: Sequence[Path], reading: Pass, begin: State | None
    ) -> Iterator[DocumentBatch | Checkpoint]:
        first, place = (begin["file"], begin["place"]) if begin else (0, None)
        for number, path in enumerate(files[first:], first):
            met = place["met"] if place else _num_met(self.report)
            for batch in self._batches_of(path, reading, place):
                if not isinstance(batch, Checkpoint):
                    yield batch
                elif not reading.holds_documents:
                    inside = partial(reading.place, batch, met)
                    yield Checkpoint(partial(self._state, files, number, inside))
            place = None
            if _num_met(self.report) == met:
                self.report.notices.add("the file holds nothing to read", Location(path))
            if not reading.holds_documents:
                yield Checkpoint(partial(self._state, files, number + 1))
        yield from reading.finish(self.paths[0])

    def _state(
        self, files: Sequence[Path], number: int, inside: Callable[[], State | None] | None = None
    ) -> State | None:
        """Return what a later reading goes on from: a file, or a place `inside` it."""
        place = inside() if inside else None
        if inside and place is None:
            return None
        sizes = [self._stamps[path].size if path in self._stamps else 0 for path in files]
        done = sum(sizes[:number]) + (TextPlace(**place["text"]).num_bytes if place else 0)
        share = done / max(sum(sizes), 1)
        return {"file": number, "place": place, "share": share, "report": self.report.to_json()}

    @cached_property
    def speakers(self) -> Counter[str]:
        """How many messages each speaker of the chats wrote; the files are read for it."""
        files = find_files(self.paths, report=ReadReport())
        return count_speakers(files, config=self.config)

    def refusal(self) -> LuminaError | None:
        """Return the error for a latest reading with too many skipped rows or no text, or None."""
        allow_skips = self.config.allow_skips
        return refusal_of(self.report, paths=self.paths, allow_skips=allow_skips)

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

    def _batches_of(
        self, path: Path, reading: Pass, place: State | None
    ) -> Iterator[DocumentBatch | Checkpoint]:
        """Yield the documents of one file; messages of trees are collected by `reading`."""
        config, report = self.config, self.report
        begin: dict[str, TextPlace] = {}
        if place:
            begin["begin"] = TextPlace(**place["text"])
            reading.stripper.resume(place["stripper"], path=path)
        with self._unchanged(path):
            if is_chat(path, config=config):
                located = reading.chats.documents(path, is_named=path in self.paths)
                yield from in_batches(reading.documents(located))
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
                parts = read_documents(path, config=config, report=report, **begin)
                for part in between_checkpoints(parts):
                    if isinstance(part, Checkpoint):
                        yield part
                    else:
                        yield from in_batches(reading.documents(part))
                return
            blocks = blocks_of_file(
                path,
                container=container,
                config=config,
                report=report,
                columns=self._columns,
                **begin,
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
        self, blocks: Iterable[RowBlock | Checkpoint], reading: Pass
    ) -> Iterator[DocumentBatch | Checkpoint]:
        """Yield the documents of the rows of a file."""
        for part in between_checkpoints(blocks):
            if isinstance(part, Checkpoint):
                yield part
            else:
                yield from self._batches_of_blocks(part, reading)
        finished = reading.converter.finish()
        yield from in_batches(reading.documents(finished, in_rows=True))

    def _batches_of_blocks(
        self, blocks: Iterable[RowBlock], reading: Pass
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
                yield from in_batches(reading.documents(located, in_rows=True))

    @contextmanager
    def _unchanged(self, path: Path) -> Iterator[None]:
        """Refuse a file that changes while it is read, or between two readings."""
        stamp = self._stamps.setdefault(path, stamp_of(path))
        yield
        if stamp_of(path) != stamp:
            raise changed(path)


def _num_met(report: ReadReport) -> int:
    return report.rows + report.left_out.total + report.notices.total
