"""The making of a corpus: documents counted, split and encoded into a folder.

Documents are read once, to count their characters, and wait in a temporary file until the
tokenizer and the split are known; they are never all held in memory.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from lumina_cli.conversation import Document
from lumina_cli.data.checkpoints import Checkpoint, State, between_checkpoints
from lumina_cli.data.config import DataConfig
from lumina_cli.data.corpus.chunks import (
    Checkpointed,
    batches_of,
    cut,
    far_between,
    on_side,
    rebatched,
)
from lumina_cli.data.corpus.contents import ContentSizes
from lumina_cli.data.corpus.document_file import DocumentFile
from lumina_cli.data.corpus.encoder import SIDES, encode_sides
from lumina_cli.data.corpus.progress import DamagedPartError, Progress, ReadText
from lumina_cli.data.corpus.split import DocumentSizes, split_documents
from lumina_cli.errors import DataError, LuminaError
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.code_points import (
    NUM_CODE_POINTS,
    Counts,
    add_counts,
    most_frequent,
    new_characters,
)
from lumina_cli.tokenizer.config import CHARACTERS, TokenizerConfig
from lumina_cli.tokenizer.document_batch import DocumentBatch
from lumina_cli.tokenizer.registry import check_trainable, tokenizer_from_json, train_tokenizer
from lumina_cli.tokenizer.special_ids import MAX_VOCAB_SIZE

ReadDocuments = Callable[[], Iterable[Document]]
"""Reads all documents anew at each call."""

Tell = Callable[[str], None]
"""Takes a line about what is being done, for a person who waits."""


def untold(line: str) -> None:
    pass


class CorpusBuilder:
    """Counts, splits and encodes documents into a folder."""

    def __init__(
        self,
        read_documents: ReadDocuments,
        read_validation: ReadDocuments | None,
        *,
        config: DataConfig,
        seed: int,
        tokenizer_config: TokenizerConfig = CHARACTERS,
        learnt: Tokenizer | None = None,
        tell: Tell = untold,
    ) -> None:
        self.read_documents = read_documents
        self.read_validation = read_validation
        self.config = config
        self.seed = seed
        self.tokenizer_config = tokenizer_config
        self.learnt = learnt
        self.tell = tell
        self.went_on = ""

    def build(
        self, folder: Path, *, tokenizer: Tokenizer | None, max_new_chars: int
    ) -> dict[str, Any]:
        """Write both sides; return what describes them."""
        if tokenizer is None and self.learnt is None:
            check_trainable(self.tokenizer_config.tokenizer)
        progress = Progress(folder)
        try:
            return self._build(progress, begun_with=tokenizer, most_new=max_new_chars)
        except (LuminaError, OSError, MemoryError):
            raise
        except Exception:  # what lies there may have been made by anybody, and fails in any way
            if not progress.was_begun:
                raise
        self.went_on = ""
        progress = Progress(folder, is_new=True)
        return self._build(progress, begun_with=tokenizer, most_new=max_new_chars)

    def _build(
        self, progress: Progress, *, begun_with: Tokenizer | None, most_new: int
    ) -> dict[str, Any]:
        path, num_kept = progress.folder / "documents", progress.done.get("documents", 0)
        self._tell_begin(progress)
        with DocumentFile(path, num_bytes=num_kept) as waiting:
            read = self._read(waiting, progress)
            if kept := progress.done.get("tokenizer"):
                tokenizer, new = _kept_tokenizer(kept)
            else:
                tokenizer, new = self._choose_tokenizer(
                    self._told(cut(waiting.read(), train_chars=read.train_chars), read=read),
                    counts=read.counts,
                    begun_with=begun_with,
                    max_new_chars=most_new,
                )
            if progress.is_read and not kept:
                progress.save(tokenizer={"tokenizer": tokenizer.to_json(), "newcomers": dict(new)})
            batches: Iterable[DocumentBatch] = cut(waiting.read(), train_chars=read.train_chars)
            if self.read_validation:
                batches = chain(batches, on_side(1, batches_of(self.read_validation())))
            if not progress.is_encoding:
                self.tell("encoding …")
            sides = encode_sides(
                rebatched(batches),
                progress,
                tokenizer=tokenizer,
                loss_on=self.config.loss_on,
                read=read,
            )
        progress.clear()
        return {"tokenizer": tokenizer.to_json(), "newcomers": dict(new), "sides": sides}

    def _read(self, waiting: DocumentFile, progress: Progress) -> ReadText:
        """Put all documents into a file, and decide how they are split."""
        documents = self.read_documents()
        if isinstance(documents, Checkpointed) and progress.is_read:
            for _ in documents.checkpointed(progress.done["read"]["end"]):
                raise AssertionError("nothing stands behind the end")
            return ReadText.from_json(progress.done["read"], folder=progress.folder)
        counts, sizes = self._measured(documents, waiting, progress)
        if not counts.any():
            hint = "Look at it: lumina data check"
            raise DataError("there is no text in the data", hint=hint)
        fraction = 0.0 if self.read_validation else self.config.val_fraction
        train_chars = split_documents(sizes, val_fraction=fraction, seed=self.seed)
        num_cut = np.count_nonzero((train_chars > 0) & (train_chars < sizes.num_chars))
        read = ReadText(counts, train_chars, int(num_cut))
        if isinstance(documents, Checkpointed) and waiting.num_bytes >= progress.part_bytes:
            waiting.flush()
            kept = {"end": documents.end(), **read.to_json(folder=progress.folder)}
            progress.save(read=kept, documents=waiting.num_bytes, reading=None)
        return read

    def _measured(
        self, documents: Iterable[Document], waiting: DocumentFile, progress: Progress
    ) -> tuple[Counts, DocumentSizes]:
        """Put documents into a file; return how often each character stands in them, and sizes."""
        counts = np.zeros(NUM_CODE_POINTS, dtype=np.int64)
        with ThreadPoolExecutor(1) as executor:
            contents = ContentSizes(in_background=executor)

            def measure(batch: DocumentBatch) -> None:
                add_counts(counts, batch.text)
                contents.add(batch)

            stream: Iterable[DocumentBatch | Checkpoint] = batches_of(documents)
            if isinstance(documents, Checkpointed):
                begin = progress.done.get("reading")
                if begin:
                    for batch in waiting.read():
                        measure(batch)
                stream = documents.checkpointed(begin)
                stream = far_between(stream, num_bytes=lambda: progress.part_bytes)
            for part in between_checkpoints(stream):
                if not isinstance(part, Checkpoint):
                    for batch in rebatched(part):
                        measure(batch)
                        waiting.write(batch)
                elif state := part.state():
                    waiting.flush()
                    progress.save(reading=state, documents=waiting.num_bytes)
        return counts, contents.sizes

    def _tell_begin(self, progress: Progress) -> None:
        """Tell that the reading begins, or where an interrupted one goes on."""
        if not progress.done:
            self.tell("reading …")
            return
        what = "encoding" if progress.is_read else "reading"
        percent = int(100 * (progress.done.get(what) or {"share": 0})["share"])
        self.went_on = f"{what} went on at {percent} %, where it was interrupted"
        self.tell(f"going on with {what} at {percent} % …")

    def _choose_tokenizer(
        self,
        batches: Iterable[DocumentBatch],
        *,
        counts: Counts,
        begun_with: Tokenizer | None,
        max_new_chars: int,
    ) -> tuple[Tokenizer, Mapping[str, int]]:
        """Return what to encode with, and the characters it had not been begun with."""
        min_count = self.config.min_char_count
        if begun_with is None and self.learnt is not None:
            return self.learnt, {}
        if begun_with is None:
            training = (batch.on_side(SIDES.index("train")) for batch in batches)
            texts = (text for batch in training for text in batch.texts())
            config = self.tokenizer_config
            return train_tokenizer(texts, counts=counts, min_count=min_count, config=config), {}
        new = new_characters(counts, known=begun_with.character_ids)
        most = min(max_new_chars, MAX_VOCAB_SIZE - begun_with.vocab_size)
        return begun_with.extended(most_frequent(new, min_count=min_count, most=most)), new

    def _told(self, batches: Iterable[DocumentBatch], *, read: ReadText) -> Iterator[DocumentBatch]:
        """Pass batches on, and tell how much of the training text that is."""
        done, shown, num_chars = 0, -1, max(int(read.train_chars.sum()), 1)
        for batch in batches:
            yield batch
            done += len(batch.text)
            percent = min(100, 100 * done // num_chars)
            if percent > shown:
                self.tell(f"learning the tokenizer: {percent} % of the text …")
                shown = percent


def _kept_tokenizer(kept: State) -> tuple[Tokenizer, Mapping[str, int]]:
    """Return what an interrupted building encodes with, and what `_choose_tokenizer` says of it."""
    try:
        return tokenizer_from_json(kept["tokenizer"]), kept["newcomers"]
    except DataError as error:
        raise DamagedPartError from error
