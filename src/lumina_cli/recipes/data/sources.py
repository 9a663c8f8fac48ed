"""What `--data` names: the starter corpus, or files and folders of the user's own."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lumina_cli.conversation import Document
from lumina_cli.data.config import DataConfig
from lumina_cli.data.corpus.builder import Tell, untold
from lumina_cli.data.corpus.corpus import Corpus, load_corpus
from lumina_cli.data.documents import Documents
from lumina_cli.data.hub.dataset_folder import MANIFEST
from lumina_cli.data.report import ReadReport, example_of
from lumina_cli.data.starter import corpus as starter
from lumina_cli.data.stats.contamination import files_in_both
from lumina_cli.errors import MissingInputError
from lumina_cli.io.folders.cache_folder import corpora_folder
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.config import CHARACTERS, TokenizerConfig

STARTER = "starter"
OASST_FOLDER = Path("oasst1_data")
MOST_REMARKS = 8
"""Lines about the data before a run; the rest is for `lumina data check`."""


@dataclass(frozen=True, slots=True)
class Source:
    """Documents that can be read again and again, and a fingerprint of what they hold."""

    names: tuple[str, ...]
    read: Callable[[], Iterable[Document]]
    fingerprint: str
    issues: Callable[[], Sequence[str]] = tuple
    schemas: Callable[[], Sequence[str]] = tuple

    @property
    def is_starter(self) -> bool:
        return self.names == (STARTER,)


def open_source(paths: Sequence[Path], *, config: DataConfig) -> Source:
    """Return the documents that `paths` name.

    `starter` names the corpus in the package, unless a file of that name is there.

    Raises:
        MissingInputError, DataError: as the readers of files do.
    """
    if [str(path) for path in paths] == [STARTER] and not paths[0].exists():
        return _starter_source()
    documents = Documents(paths, config=config)
    return Source(
        tuple(map(str, paths)),
        lambda: documents,
        documents.fingerprint,
        issues=lambda: _issue_lines(documents.report),
        schemas=lambda: sorted(set().union(*documents.report.formats.values())),
    )


def own_validation(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Return what to train on and what to measure with, where a data set brings both.

    That is one folder as `lumina data fetch` writes it; for all else nothing is set apart.
    """
    if len(paths) == 1 and (paths[0] / MANIFEST).is_file():
        train, validation = (paths[0] / f"{side}.jsonl" for side in ("train", "validation"))
        if train.is_file() and validation.is_file():
            return [train], [validation]
    return list(paths), []


def contamination(data: Sequence[Path], val_data: Sequence[Path]) -> list[str]:
    """Tell of validation files that are trained on, too."""
    if not all(path.exists() for path in (*data, *val_data)):
        return []  # the starter corpus, or a path whose absence is told when it is read
    return [
        f"{path} is trained on, too: its validation loss means nothing"
        for path in files_in_both(data, val_data)
    ]


def usual_data() -> list[Path]:
    """Return what is trained on when nothing is named: OASST1, once it is fetched."""
    if OASST_FOLDER.is_dir():
        return [OASST_FOLDER]
    raise MissingInputError(
        f"there is nothing to train on: no --data, and no folder {OASST_FOLDER}",
        hint="Try: lumina train --preset demo, or --data FILE, or lumina data fetch oasst1",
    )


def encode_source(
    source: Source,
    *,
    config: DataConfig,
    seed: int,
    validation: Source | None = None,
    tokenizer: Tokenizer | None = None,
    tokenizer_config: TokenizerConfig = CHARACTERS,
    learnt: Mapping[str, Tokenizer] | None = None,
    max_new_chars: int = 0,
    tell: Tell = untold,
) -> Corpus:
    """Return the source as a corpus, encoded anew only if it isn't in the cache."""
    fingerprint = source.fingerprint + (validation.fingerprint if validation else "")
    return load_corpus(
        source.read,
        fingerprint=fingerprint,
        config=config,
        seed=seed,
        folder=corpora_folder(),
        read_validation=validation.read if validation else None,
        tokenizer=tokenizer,
        tokenizer_config=tokenizer_config,
        learnt=learnt,
        max_new_chars=max_new_chars,
        tell=tell,
        issues=lambda: [*source.issues(), *(validation.issues() if validation else ())],
        schemas=lambda: [*source.schemas(), *(validation.schemas() if validation else ())],
    )


def _issue_lines(report: ReadReport) -> list[str]:
    """Return a line for each thing that reading met, those that lost text first."""
    lines = [
        f"{count.count:,} {kind}: {wording}{example_of(count)}, first at {count.first}"
        for kind, issues in (
            ("skipped", report.skipped),
            ("left out", report.left_out),
            ("noticed", report.notices),
        )
        for wording, count in issues
    ]
    more = len(lines) - MOST_REMARKS
    return lines if more <= 0 else [*lines[:MOST_REMARKS], f"{more} more: lumina data check"]


def _starter_source() -> Source:
    conversations = starter.conversations()
    digest = hashlib.sha256()
    for conversation in conversations:
        digest.update(repr(conversation).encode())
    return Source((STARTER,), lambda: conversations, digest.hexdigest())
