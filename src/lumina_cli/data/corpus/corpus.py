"""The corpus: documents counted, split and encoded once, then opened: as fast as it can be
read, for nothing that was damaged may be trained on.

Documents are read once, to count their characters, and wait in a temporary file until the
tokenizer and the split are known; they are never all held in memory. The result lies in
the cache folder under a key made of everything it depends on.
"""

import hashlib
import json
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from lumina_cli.conversation import Conversation, Document
from lumina_cli.data.config import DataConfig
from lumina_cli.data.corpus.cache import file_digest, read_description, write_description
from lumina_cli.data.corpus.chunks import Chunk, batched, cut, on_side, texts_of
from lumina_cli.data.corpus.dataset import TokenDataset, TokenDatasetWriter, open_token_dataset
from lumina_cli.data.corpus.document_file import DocumentFile
from lumina_cli.data.corpus.split import DocumentSizes, split_documents
from lumina_cli.errors import DataError, StorageError
from lumina_cli.io.cache_folder import build_entry, discard_entry, hold_entry, prune
from lumina_cli.io.owned_folder import Hold
from lumina_cli.renamed_settings import with_first_names
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.chat_format import encode_documents
from lumina_cli.tokenizer.code_points import (
    NUM_CODE_POINTS,
    Counts,
    code_points,
    most_frequent,
    new_characters,
)
from lumina_cli.tokenizer.registry import tokenizer_from_json, train_tokenizer
from lumina_cli.tokenizer.special_ids import MAX_VOCAB_SIZE

FORMAT_VERSION = 5
"""Part of every cache key: raise it when the encoding of the same documents changes."""

SIDES = ("train", "validation")
MOST_BUILDS = 3
"""Of an entry that somebody else takes away, or damages, as soon as it is there."""


@dataclass(frozen=True, slots=True)
class SplitCounts:
    """How much text one side of the split holds; a text that is cut is counted where it begins."""

    conversations: int = 0
    texts: int = 0
    chars: int = 0


@dataclass(frozen=True, eq=False)
class Corpus:
    """Text ready to train on: the tokenizer and the two sides of the split.

    `issues` tell what was met when the documents were read, and `schemas` name the formats of
    their rows; both are kept for every later opening. `new_characters` are those that the
    tokenizer it was begun with had no id for, and how often each stands in the documents.
    """

    tokenizer: Tokenizer
    train: TokenDataset
    validation: TokenDataset
    train_counts: SplitCounts
    validation_counts: SplitCounts
    issues: tuple[str, ...]
    schemas: tuple[str, ...]
    key: str
    new_characters: Mapping[str, int] = field(default_factory=dict)


ReadDocuments = Callable[[], Iterable[Document]]
"""Reads all documents anew at each call."""

Lines = Callable[[], Sequence[str]]
"""Tells what the latest reading met: lines that a person should know, or names of formats."""


def load_corpus(
    read_documents: ReadDocuments,
    *,
    fingerprint: str,
    config: DataConfig,
    seed: int,
    folder: Path,
    read_validation: ReadDocuments | None = None,
    tokenizer: Tokenizer | None = None,
    max_new_chars: int = 0,
    issues: Lines = tuple,
    schemas: Lines = tuple,
) -> Corpus:
    """Open the encoded corpus in `folder`, making it first if it is not there.

    Args:
        read_documents: the documents to train on (and to split, without `read_validation`).
        fingerprint: changes when the documents do.
        config: how they are split and encoded.
        seed: chooses the documents for validation.
        folder: of the cache.
        read_validation: documents that are for validation alone.
        tokenizer: to encode with; by default one is made of the documents.
        max_new_chars: most characters to add to it; those too rare for it never are.
        issues, schemas: asked after the documents were read.

    Raises:
        DataError: there is no text at all.
        StorageError: the cache can't be written.
    """
    key = _cache_key(
        fingerprint, config=config, seed=seed, tokenizer=tokenizer, max_new_chars=max_new_chars
    )
    path = folder / key

    def build(staging: Path) -> None:
        builder = _Builder(read_documents, read_validation, config=config, seed=seed)
        description = builder.build(staging, tokenizer=tokenizer, max_new_chars=max_new_chars)
        description |= {"remarks": list(issues()), "shapes": list(schemas())}
        write_description(staging, description)

    corpus = _open(hold_entry(path))
    for _ in range(MOST_BUILDS):
        if corpus is not None:
            return corpus
        corpus = _open(build_entry(path, build))
        prune(folder)
    if corpus is None:
        raise StorageError(
            f"the encoded text in {path} goes away or is damaged as soon as it is made",
            hint="Name another folder in LUMINA_CACHE_DIR.",
        )
    return corpus


class _Builder:
    """Counts, splits and encodes documents into a folder."""

    def __init__(
        self,
        read_documents: ReadDocuments,
        read_validation: ReadDocuments | None,
        *,
        config: DataConfig,
        seed: int,
    ) -> None:
        self.read_documents = read_documents
        self.read_validation = read_validation
        self.config = config
        self.seed = seed

    def build(
        self, folder: Path, *, tokenizer: Tokenizer | None, max_new_chars: int
    ) -> dict[str, Any]:
        """Write both sides; return what describes them."""
        counts = np.zeros(NUM_CODE_POINTS, dtype=np.int64)
        with DocumentFile(folder / "documents") as waiting:
            sizes = _measure(self.read_documents(), counts=counts, into=waiting)
            if not counts.any():
                hint = "Look at it: lumina data check"
                raise DataError("there is no text in the data", hint=hint)
            fraction = 0.0 if self.read_validation else self.config.val_fraction
            train_chars = split_documents(sizes, val_fraction=fraction, seed=self.seed)
            tokenizer, new = self._choose_tokenizer(
                waiting, counts=counts, begun_with=tokenizer, max_new_chars=max_new_chars
            )
            chunks: Iterable[Chunk] = cut(waiting.read(), train_chars=train_chars)
            if self.read_validation:
                chunks = chain(chunks, on_side(1, self.read_validation()))
            num_cut = np.count_nonzero((train_chars > 0) & (train_chars < sizes.num_chars))
            return self._encode(chunks, folder, tokenizer=tokenizer, new=new, num_cut=int(num_cut))

    def _choose_tokenizer(
        self,
        waiting: DocumentFile,
        *,
        counts: Counts,
        begun_with: Tokenizer | None,
        max_new_chars: int,
    ) -> tuple[Tokenizer, Mapping[str, int]]:
        """Return what to encode with, and the characters it had not been begun with."""
        min_count = self.config.min_char_count
        if begun_with is None:
            texts = (text for document in waiting.read() for text in texts_of(document))
            return train_tokenizer(texts, counts=counts, min_count=min_count), {}
        new = new_characters(counts, known=begun_with.character_ids)
        most = min(max_new_chars, MAX_VOCAB_SIZE - begun_with.vocab_size)
        return begun_with.extended(most_frequent(new, min_count=min_count, most=most)), new

    def _encode(
        self,
        chunks: Iterable[Chunk],
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
            for batch in batched(chunks):
                for side in {side for side, _, _ in batch}:
                    documents = [document for its, document, _ in batch if its == side]
                    writers[side].write(
                        encode_documents(documents, tokenizer=tokenizer, loss_on=loss_on)
                    )
                    tallies[side].add(chunk for chunk in batch if chunk[0] == side)
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

    def add(self, chunks: Iterable[Chunk]) -> None:
        for _, document, num_chars in chunks:
            if isinstance(document, Conversation):
                self.conversations += 1
            else:
                self.texts += document.starts
            self.chars += num_chars

    def counts(self) -> SplitCounts:
        return SplitCounts(self.conversations, self.texts, self.chars)


def _measure(documents: Iterable[Document], *, counts: Counts, into: DocumentFile) -> DocumentSizes:
    """Put documents into a file, add up their characters in `counts`; return their sizes."""
    sizes = DocumentSizes()
    digest, num_chars = hashlib.blake2b(digest_size=16), 0
    for _, document, length in _counted(documents, counts=counts, into=into):
        if isinstance(document, Conversation):
            content = b"".join(map(_as_bytes, texts_of(document)))
            group = document.group and document.group.encode("utf-8", "surrogatepass")
            sizes.add(content, length, is_plain_text=False, group=group or None)
            continue
        if document.starts:
            digest, num_chars = hashlib.blake2b(digest_size=16), 0
        digest.update(document.text.encode())
        num_chars += length
        if document.ends:
            sizes.add(digest.digest(), num_chars, is_plain_text=True)
    return sizes


def _counted(
    documents: Iterable[Document], *, counts: Counts, into: DocumentFile
) -> Iterator[Chunk]:
    """Pass documents on, put them into a file, and add up their characters in `counts`."""
    for batch in batched(on_side(0, documents)):
        found = [document for _, document, _ in batch]
        text = "".join(text for document in found for text in texts_of(document))
        seen = np.bincount(code_points(text))
        counts[: len(seen)] += seen
        into.write(found, text=text)
        yield from batch


def _as_bytes(text: str) -> bytes:
    return text.encode() + b"\xff"  # which stands in no UTF-8: texts can't run together


def _cache_key(
    fingerprint: str,
    *,
    config: DataConfig,
    seed: int,
    tokenizer: Tokenizer | None,
    max_new_chars: int,
) -> str:
    ids = None if tokenizer is None else tokenizer.fingerprint
    settings = with_first_names(config.model_dump(mode="json"))
    depends_on = [FORMAT_VERSION, fingerprint, settings, seed, ids]
    if max_new_chars:
        depends_on.append(max_new_chars)
    return hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()[:32]


def _open(held: Hold | None) -> Corpus | None:
    """Open an entry that is held, for as long as the corpus lives; one that is damaged goes."""
    if held is None:
        return None
    try:
        corpus = _read(held.path)
    except (OSError, ValueError, DataError):  # taken away, damaged, or of another version
        discard_entry(held)
        return None
    weakref.finalize(corpus, held.release)
    return corpus


def _read(path: Path) -> Corpus:
    description = read_description(path)
    tokenizer = tokenizer_from_json(description.tokenizer)
    if any(pair >= 2 * tokenizer.vocab_size for side in description.sides for pair in side.pairs):
        raise ValueError(f"{path} has ids that the tokenizer does not know")
    train, validation = (
        open_token_dataset(
            path / f"{name}.bin",
            tokenizer=tokenizer,
            dtype=side.dtype,
            pairs=side.pairs,
            num_codes=side.num_codes,
            digest=side.digest,
        )
        for name, side in zip(SIDES, description.sides, strict=True)
    )
    counts = [SplitCounts(**side.counts.model_dump()) for side in description.sides]
    return Corpus(
        tokenizer,
        train,
        validation,
        counts[0],
        counts[1],
        issues=tuple(description.remarks),
        schemas=tuple(description.shapes),
        key=path.name,
        new_characters=description.newcomers,
    )
