"""Settings that a person gave and that change nothing in the run they are given to."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.data.chats.registry import FORMATS as CHAT_FORMATS
from lumina_cli.data.config import DataConfig
from lumina_cli.data.corpus.corpus import Corpus
from lumina_cli.recipes.data.sources import Source
from lumina_cli.setting_sources.presets import PRESETS
from lumina_cli.settings import BASE_PLACE, Settings
from lumina_cli.tokenizer.config import TokenizerConfig

TREES_ONLY = ("oasst_lang", "oasst_paths")
OASST_ONLY = (*TREES_ONLY, "include_synthetic")
TREES = frozenset({"oasst rows", "oasst trees"})
CHATS_ONLY = ("bot", "gap")
FILES_ONLY = (
    *("format", "encoding", "columns", *OASST_ONLY, "fix_mojibake", "allow_skips"),
    *(*CHATS_ONLY, "anonymize", "strip"),
)
VALIDATION_ONLY = ("patience", "eval_chars")


def unused_settings(
    settings: Settings, *, source: Source, corpus: Corpus, val_data: Sequence[Path]
) -> list[str]:
    """Return a line for each setting that has no effect; what a preset sets is not told."""
    return unused_lines(
        settings, _unused(settings, source=source, corpus=corpus, val_data=val_data)
    )


def unused_lines(settings: Settings, unused: Iterable[tuple[str, str]]) -> list[str]:
    """Return a line for each unused setting that a person gave, with why and from where."""
    lines: dict[str, str] = {}
    for name, why in unused:
        place = settings.sources.get(name)
        if place and place not in _UNTOLD_PLACES:
            lines.setdefault(name, f"{name} has no effect {why} (from {place})")
    return list(lines.values())


def unused_data_settings(
    config: DataConfig, *, schemas: Collection[str], has_conversations: bool
) -> Iterator[tuple[str, str]]:
    """Yield settings of the data that files without such content do not look at, and why.

    Args:
        config: how the files were read.
        schemas: the formats of what was read.
        has_conversations: whether some of it is more than plain text.
    """
    if config.format not in ("auto", "oasst"):
        yield from ((name, f"with --format {config.format}") for name in OASST_ONLY)
    if TREES.isdisjoint(schemas):
        yield from ((name, "where there are no OASST trees") for name in TREES_ONLY)
        if "rows in order" not in schemas:
            yield "include_synthetic", "where there are no OASST messages"
    if CHAT_FORMATS.isdisjoint(schemas):
        yield from ((name, "where there are no chats between people") for name in CHATS_ONLY)
    if not has_conversations:
        yield "loss_on", "where there are no conversations"


_UNTOLD_PLACES = {BASE_PLACE, *(f"preset {name}" for name in PRESETS)}


def _unused(
    settings: Settings, *, source: Source, corpus: Corpus, val_data: Sequence[Path]
) -> Iterator[tuple[str, str]]:
    """Yield settings that this run does not look at, and why."""
    training, data = settings.of(TrainingConfig), settings.of(DataConfig)
    of_the_other = "weight_decay" if training.optimizer == "muon" else "muon_learning_rate"
    yield of_the_other, f"with {training.optimizer}"
    seq_length = settings.of(ModelConfig).seq_length
    if (training.start_seq_length or 0) >= seq_length:
        yield "start_seq_length", f"unless it is less than seq_length {seq_length}"
    if source.is_starter and not val_data:
        yield from ((name, "on the starter corpus") for name in FILES_ONLY)
    has_conversations = bool(corpus.train_counts.conversations)
    yield from unused_data_settings(
        data, schemas=corpus.schemas, has_conversations=has_conversations
    )
    if not any("(--strip " in line or " more: " in line for line in corpus.issues):
        yield "strip", "where there is nothing of the kind"
    tokenizer = settings.configs.get(TokenizerConfig)
    if isinstance(tokenizer, TokenizerConfig) and not tokenizer.has_size:
        yield "vocab_size", "without --tokenizer bpe"
    if val_data:
        yield "val_fraction", "beside validation files"
    if not corpus.validation_counts.chars:
        yield from ((name, "without validation text") for name in VALIDATION_ONLY)
