"""What `--data` names: the starter corpus, or files and folders of the user's own."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lumina_cli.conversation import Document
from lumina_cli.data.config import DataConfig
from lumina_cli.data.corpus import Corpus, cache_folder, load_corpus
from lumina_cli.data.documents import Documents
from lumina_cli.data.starter import corpus as starter
from lumina_cli.errors import MissingInputError
from lumina_cli.tokenizer.vocabulary import Vocabulary

STARTER = "starter"
OASST_FOLDER = Path("oasst1_data")


@dataclass(frozen=True, slots=True)
class Source:
    """Documents that can be read again and again, and a fingerprint of what they hold."""

    names: tuple[str, ...]
    read: Callable[[], Iterable[Document]]
    fingerprint: str

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
    return Source(tuple(map(str, paths)), lambda: documents, documents.fingerprint)


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
    vocabulary: Vocabulary | None = None,
) -> Corpus:
    """Return the source as a corpus, encoded anew only if it isn't in the cache."""
    fingerprint = source.fingerprint + (validation.fingerprint if validation else "")
    return load_corpus(
        source.read,
        fingerprint=fingerprint,
        config=config,
        seed=seed,
        folder=cache_folder(),
        read_validation=validation.read if validation else None,
        vocabulary=vocabulary,
    )


def _starter_source() -> Source:
    conversations = starter.conversations()
    digest = hashlib.sha256()
    for conversation in conversations:
        digest.update(repr(conversation).encode())
    return Source((STARTER,), lambda: conversations, digest.hexdigest())
