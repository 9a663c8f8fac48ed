"""The making of a corpus: documents counted, split and encoded into a folder.

Documents are read once, to count their characters, and wait in a temporary file until the
tokenizer and the split are known; they are never all held in memory.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from lumina_cli.conversation import Document
from lumina_cli.data.config import DataConfig
from lumina_cli.data.corpus.cache import file_digest
from lumina_cli.data.corpus.chunks import batches_of, cut, on_side, rebatched
from lumina_cli.data.corpus.contents import ContentSizes
from lumina_cli.data.corpus.dataset import TokenDatasetWriter
from lumina_cli.data.corpus.document_file import DocumentFile
from lumina_cli.data.corpus.split import DocumentSizes, split_documents
from lumina_cli.errors import DataError
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.chat_format import encode_batch
from lumina_cli.tokenizer.code_points import (
    NUM_CODE_POINTS,
    Counts,
    add_counts,
    most_frequent,
    new_characters,
)
from lumina_cli.tokenizer.config import CHARACTERS, TokenizerConfig
from lumina_cli.tokenizer.document_batch import STARTS, DocumentBatch
from lumina_cli.tokenizer.registry import check_trainable, train_tokenizer
from lumina_cli.tokenizer.special_ids import MAX_VOCAB_SIZE

SIDES = ("train", "validation")

ReadDocuments = Callable[[], Iterable[Document]]
"""Reads all documents anew at each call."""

Tell = Callable[[str], None]
"""Takes a line about what is being done, for a person who waits."""


def untold(line: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class SplitCounts:
    """How much text one side of the split holds; a text that is cut is counted where it begins."""

    conversations: int = 0
    texts: int = 0
    chars: int = 0


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

    def build(
        self, folder: Path, *, tokenizer: Tokenizer | None, max_new_chars: int
    ) -> dict[str, Any]:
        """Write both sides; return what describes them."""
        if tokenizer is None and self.learnt is None:
            check_trainable(self.tokenizer_config.tokenizer)
        self.tell("reading …")
        counts = np.zeros(NUM_CODE_POINTS, dtype=np.int64)
        with DocumentFile(folder / "documents") as waiting:
            sizes = _measure(self.read_documents(), counts=counts, into=waiting)
            if not counts.any():
                hint = "Look at it: lumina data check"
                raise DataError("there is no text in the data", hint=hint)
            fraction = 0.0 if self.read_validation else self.config.val_fraction
            train_chars = split_documents(sizes, val_fraction=fraction, seed=self.seed)
            num_chars = int(train_chars.sum())
            tokenizer, new = self._choose_tokenizer(
                self._told(cut(waiting.read(), train_chars=train_chars), num_chars=num_chars),
                counts=counts,
                begun_with=tokenizer,
                max_new_chars=max_new_chars,
            )
            self.tell("encoding …")
            batches: Iterable[DocumentBatch] = cut(waiting.read(), train_chars=train_chars)
            if self.read_validation:
                batches = chain(batches, on_side(1, batches_of(self.read_validation())))
            num_cut = np.count_nonzero((train_chars > 0) & (train_chars < sizes.num_chars))
            return self._encode(batches, folder, tokenizer=tokenizer, new=new, num_cut=int(num_cut))

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

    def _told(self, batches: Iterable[DocumentBatch], *, num_chars: int) -> Iterator[DocumentBatch]:
        """Pass batches on, and tell how much of the training text that is."""
        done, shown = 0, -1
        for batch in batches:
            yield batch
            done += len(batch.text)
            percent = min(100, 100 * done // max(num_chars, 1))
            if percent > shown:
                self.tell(f"learning the tokenizer: {percent} % of the text …")
                shown = percent

    def _encode(
        self,
        batches: Iterable[DocumentBatch],
        folder: Path,
        *,
        tokenizer: Tokenizer,
        new: Mapping[str, int],
        num_cut: int,
    ) -> dict[str, Any]:
        tallies = [_Tally(), _Tally(texts=-num_cut)]  # the second parts are no texts of their own
        paths = [folder / f"{name}.bin" for name in SIDES]
        writers = [TokenDatasetWriter(path, vocab_size=tokenizer.vocab_size) for path in paths]
        loss_on = self.config.loss_on
        with writers[0], writers[1]:
            for batch in rebatched(batches):
                for side in np.unique(batch.side_of_each).tolist():
                    part = batch.on_side(side)
                    writers[side].write(encode_batch(part, tokenizer=tokenizer, loss_on=loss_on))
                    tallies[side].add(part)
        return {
            "tokenizer": tokenizer.to_json(),
            "newcomers": dict(new),
            "sides": [
                {
                    "dtype": writer.dtype.str,
                    "pairs": writer.pairs,
                    "num_codes": writer.num_codes,
                    "digest": file_digest(path),
                    "counts": asdict(tally.counts()),
                }
                for path, writer, tally in zip(paths, writers, tallies, strict=True)
            ],
        }


class _Tally:
    """Counts documents and characters as they pass."""

    def __init__(self, *, texts: int = 0) -> None:
        self.conversations = self.chars = 0
        self.texts = texts

    def add(self, batch: DocumentBatch) -> None:
        self.conversations += int(np.count_nonzero(~batch.is_text))
        self.texts += int(np.count_nonzero(batch.kinds & STARTS))
        self.chars += len(batch.text)

    def counts(self) -> SplitCounts:
        return SplitCounts(self.conversations, self.texts, self.chars)


def _measure(documents: Iterable[Document], *, counts: Counts, into: DocumentFile) -> DocumentSizes:
    """Put documents into a file, add up their characters in `counts`; return their sizes."""
    with ThreadPoolExecutor(1) as executor:
        contents = ContentSizes(in_background=executor)
        for batch in rebatched(batches_of(documents)):
            add_counts(counts, batch.text)
            contents.add(batch)
            into.write(batch)
        return contents.sizes
