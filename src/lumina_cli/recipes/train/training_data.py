"""What a run learns from: read, encoded, and what a person should know of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.data.config import DataConfig
from lumina_cli.data.corpus.builder import Tell, untold
from lumina_cli.data.corpus.corpus import Corpus
from lumina_cli.errors import DataError
from lumina_cli.io.folders.cache_folder import cache_notices
from lumina_cli.recipes.data.sources import (
    Source,
    contamination,
    encode_source,
    open_source,
    own_validation,
)
from lumina_cli.recipes.data.vocabulary import vocabulary_notices
from lumina_cli.recipes.unused_settings import unused_settings
from lumina_cli.settings import Settings
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.config import CHARACTERS, TokenizerConfig

LEAST_VALIDATION_CHARS = 1_000


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What is learnt from, and what is known of it.

    Args:
        source: the documents.
        val_data: paths for validation alone.
        corpus: both, encoded.
        fingerprint: of both.
        notices: what a person should know.
    """

    source: Source
    val_data: Sequence[Path]
    corpus: Corpus
    fingerprint: str
    notices: tuple[str, ...]


def read_training_data(
    settings: Settings,
    *,
    data: Sequence[Path],
    val_data: Sequence[Path],
    tokenizer: Tokenizer | None = None,
    learnt: Mapping[str, Tokenizer] | None = None,
    max_new_chars: int = 0,
    tell: Tell = untold,
) -> TrainingData:
    """Return what `data` names, read and encoded.

    Args:
        settings: of the command.
        data: paths to learn from.
        val_data: paths for validation alone; none for a share of `data`.
        tokenizer: to encode with; by default one is learnt from the data.
        learnt: tokenizers that were learnt before, by the key of their corpus.
        max_new_chars: most characters to add to it.
        tell: is told what is being done.

    Raises:
        LuminaError: there is no such data, it can't be read, or it holds no text.
    """
    config, seed = settings.of(DataConfig), settings.of(TrainingConfig).seed
    if not val_data:
        data, val_data = own_validation(data)
    notices = [*cache_notices(), *contamination(data, val_data)]
    source = open_source(data, config=config)
    validation = open_source(val_data, config=config) if val_data else None
    corpus = encode_source(
        source,
        config=config,
        seed=seed,
        validation=validation,
        tokenizer=tokenizer,
        tokenizer_config=_tokenizer_config(settings),
        learnt=learnt,
        max_new_chars=max_new_chars,
        tell=tell,
    )
    if len(corpus.train) < 2:
        raise DataError("there is too little text to train on", hint="Give more: --data FILE")
    if not (corpus.train.pairs & 1).any():
        raise DataError("the bot says nothing in the data", hint="Learn from all: --loss-on all")
    notices += [corpus.went_on] if corpus.went_on else []
    notices += corpus.issues
    notices += validation_notices(corpus)
    if tokenizer is None:
        notices += vocabulary_notices(
            corpus.tokenizer,
            config=_tokenizer_config(settings),
            num_chars=corpus.train.num_chars,
            place=settings.sources.get("vocab_size"),
        )
    notices += unused_settings(settings, source=source, corpus=corpus, val_data=val_data)
    fingerprint = source.fingerprint + (validation.fingerprint if validation else "")
    return TrainingData(source, val_data, corpus, fingerprint, tuple(notices))


def _tokenizer_config(settings: Settings) -> TokenizerConfig:
    """Return what a new model is given; a model that is fine-tuned has its own."""
    return settings.of(TokenizerConfig) if TokenizerConfig in settings.configs else CHARACTERS


def validation_notices(corpus: Corpus) -> list[str]:
    """Tell of a validation text too small to mean anything."""
    chars = corpus.validation_counts.chars
    if chars >= LEAST_VALIDATION_CHARS:
        return []
    if not chars:
        return ["there is no validation text: the latest model is kept, not the best"]
    return [f"validation has only {chars:,} characters: its figures are little more than chance"]
