"""The corpus: documents encoded once, then opened: as fast as it can be read, for nothing that was
damaged may be trained on.

The result lies in the cache folder under a key made of everything it depends on.
"""

import hashlib
import json
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lumina_cli.data.config import DataConfig
from lumina_cli.data.corpus.builder import (
    CorpusBuilder,
    ReadDocuments,
    Tell,
    untold,
)
from lumina_cli.data.corpus.cache import DESCRIPTION, READER, read_description, write_description
from lumina_cli.data.corpus.dataset import TokenDataset, open_token_dataset
from lumina_cli.data.corpus.encoder import SIDES, SplitCounts
from lumina_cli.errors import DataError, StorageError
from lumina_cli.io.folders.cache_folder import build_entry, discard_entry, hold_entry, prune
from lumina_cli.io.folders.owned_folder import Hold
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.config import CHARACTERS, TokenizerConfig
from lumina_cli.tokenizer.registry import tokenizer_from_json

FORMAT_VERSION = 5
"""Part of every cache key: raise it when the encoding of the same documents changes."""

MOST_BUILDS = 3
"""Of an entry that somebody else takes away, or damages, as soon as it is there."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """Text ready to train on: the tokenizer and the two sides of the split.

    `issues` tell what was met when the documents were read, and `schemas` name the formats of
    their rows; both are kept for every later opening. `new_characters` are those that the
    tokenizer it was begun with had no id for, and how often each stands in the documents. `went_on`
    tells where an interrupted making went on just now.
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
    went_on: str = ""


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
    tokenizer_config: TokenizerConfig = CHARACTERS,
    learnt: Mapping[str, Tokenizer] | None = None,
    max_new_chars: int = 0,
    issues: Lines = tuple,
    schemas: Lines = tuple,
    tell: Tell = untold,
) -> Corpus:
    """Open the encoded corpus in `folder`, making it first if it is not there.

    Args:
        read_documents: the documents to train on (and to split, without `read_validation`).
        fingerprint: changes when the documents do.
        config: how they are split and encoded.
        seed: chooses the documents for validation.
        folder: of the cache.
        read_validation: documents that are for validation alone.
        tokenizer: to encode with; by default one is learnt from the documents to train on.
        tokenizer_config: which kind of one that is.
        learnt: tokenizers that were learnt before, by the key of their corpus: a run goes on
            where the package is missing that learnt its own.
        max_new_chars: most characters to add to it; those too rare for it never are.
        issues, schemas: asked after the documents were read.
        tell: is told what is being done, where the corpus is made.

    Raises:
        DataError: there is no text at all.
        StorageError: the cache can't be written.
    """
    key = _cache_key(
        fingerprint,
        config=config,
        seed=seed,
        tokenizer=tokenizer or tokenizer_config,
        max_new_chars=max_new_chars,
    )
    path = folder / key

    went_on = ""

    def build(staging: Path) -> None:
        nonlocal went_on
        builder = CorpusBuilder(
            read_documents,
            read_validation,
            config=config,
            seed=seed,
            tokenizer_config=tokenizer_config,
            learnt=(learnt or {}).get(key),
            tell=tell,
        )
        description = builder.build(staging, tokenizer=tokenizer, max_new_chars=max_new_chars)
        description |= {"remarks": list(issues()), "shapes": list(schemas()), "reader": READER}
        write_description(staging / DESCRIPTION, description)
        went_on = builder.went_on

    corpus = _open(hold_entry(path))
    for _ in range(MOST_BUILDS):
        if corpus is not None:
            return corpus
        try:
            held = build_entry(path, build)
        finally:
            prune(folder)
        corpus = _open(held, went_on=went_on)
    if corpus is None:
        raise StorageError(
            f"the encoded text in {path} goes away or is damaged as soon as it is made",
            hint="Name another folder in LUMINA_CACHE_DIR.",
        )
    return corpus


def _cache_key(
    fingerprint: str,
    *,
    config: DataConfig,
    seed: int,
    tokenizer: Tokenizer | TokenizerConfig,
    max_new_chars: int,
) -> str:
    ids: object = None
    if not isinstance(tokenizer, TokenizerConfig):
        ids = tokenizer.fingerprint
    elif own := tokenizer.key():
        ids = own
    depends_on = [FORMAT_VERSION, fingerprint, config.hashed(), seed, ids]
    if max_new_chars:
        depends_on.append(max_new_chars)
    return hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()[:32]


def _open(held: Hold | None, *, went_on: str = "") -> Corpus | None:
    """Open an entry that is held, for as long as the corpus lives; one that is damaged goes."""
    if held is None:
        return None
    try:
        corpus = _read(held.path, went_on=went_on)
    except (OSError, ValueError, DataError):  # taken away, damaged, or of another version
        discard_entry(held)
        return None
    weakref.finalize(corpus, held.release)
    return corpus


def _read(path: Path, *, went_on: str) -> Corpus:
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
        went_on=went_on,
    )
