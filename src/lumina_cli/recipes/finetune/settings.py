"""The settings of fine-tuning: what a base model, its size and the text make of them."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from lumina_cli.core.checkpoint.model_file import ModelFile
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.peft_config import PeftConfig
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.finetune_config import REPLAY_OFF, FinetuneConfig
from lumina_cli.data.batches import Replay, steps_of_text
from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.errors import UsageError
from lumina_cli.recipes.unused_settings import unused_lines
from lumina_cli.settings import (
    BASE_PLACE,
    FINETUNE_CONFIGS,
    FINETUNE_DEFAULTS,
    LIMITS,
    MODEL_SHAPE,
    Settings,
    resolve_settings,
)

USUAL_WIDTH = 512
"""The usual learning rate is for models of this width; narrower ones need a higher one."""

MOST_FORGETTING = 0.08
"""Usual limit where old text is repeated; who repeats none wants the new text above all."""

MUON_RATE = 2.0
"""Times the learning rate of AdamW: a step of Muon's moves a number by a fifth of its rate, and
less forgets less."""

HIGHEST_RATE = 10.0
"""That a setting may have."""

FEWEST_STEPS, MOST_EPOCHS = 200, 40
"""A short text is passed over more often, until that makes so many steps."""


def finetune_settings(
    base: ModelFile,
    *,
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    toml: Path | None = None,
) -> Settings:
    """Return the settings to fine-tune a model with; its shape and dropout are its own.

    Raises:
        LuminaError: a setting is wrong.
    """
    shape = base.model.config
    rate = FINETUNE_DEFAULTS["learning_rate"]
    assert isinstance(rate, float)
    rate *= max(1.0, USUAL_WIDTH / shape.hidden_size)
    settings = resolve_settings(
        FINETUNE_CONFIGS,
        flags=flags,
        environ=environ,
        toml=toml,
        base={
            **shape.model_dump(),
            **FINETUNE_DEFAULTS,
            "learning_rate": rate,
            "muon_learning_rate": MUON_RATE * rate,
            "optimizer": base.metadata.get("optimizer", "adamw"),
        },
        fixed=(*MODEL_SHAPE, "preset"),
    )
    _check_something_learns(settings)
    if settings.sources.get("muon_learning_rate") != BASE_PLACE:
        return settings
    muon_rate = min(MUON_RATE * settings.of(TrainingConfig).learning_rate, HIGHEST_RATE)
    return settings.replaced({"muon_learning_rate": muon_rate}, source=BASE_PLACE)


def choose_peft(settings: Settings, *, num_new: int, keeps_start: bool = False) -> PeftConfig:
    """Return which parts of the model are to learn."""
    config = settings.of(FinetuneConfig)
    return PeftConfig(
        num_new=num_new,
        frozen_layers=config.freeze_layers,
        lora_rank=config.lora_rank,
        lora_alpha=config.lora_alpha,
        keeps_start=keeps_start,
    )


def most_forgetting(settings: Settings, *, replays: bool) -> float | None:
    """Return how much the loss on old text may rise, as a share; None for no limit."""
    named = settings.of(FinetuneConfig).max_forgetting
    return MOST_FORGETTING if named is None and replays else named


def choose_replay(settings: Settings, texts: tuple[TokenDataset, ...]) -> Replay | None:
    """Return how much of older texts is to be repeated, if any is."""
    config = settings.of(FinetuneConfig)
    if config.replay == REPLAY_OFF or not config.replay_ratio or not texts:
        return None
    return Replay(texts, config.replay_ratio)


def with_enough_passes(settings: Settings, text: TokenDataset) -> Settings:
    """Return settings that pass over a short text more often, if nobody said how often.

    Steps are counted without old text: to repeat some takes no time from the new.
    """
    config = settings.of(TrainingConfig)
    if any(settings.sources.get(name, BASE_PLACE) != BASE_PLACE for name in LIMITS):
        return settings
    steps = steps_of_text(
        text,
        seq_length=settings.of(ModelConfig).seq_length,
        batch_size=config.windows_per_step,
    )
    assert config.epochs is not None, "fine-tuning has a usual number of passes"
    epochs = min(max(config.epochs, math.ceil(FEWEST_STEPS / steps)), MOST_EPOCHS)
    return settings.replaced({"epochs": epochs}, source=BASE_PLACE)


def unused_finetune_settings(settings: Settings, *, repeats: bool, measures: bool) -> list[str]:
    """Return a line for each setting that was given and changes nothing here.

    Args:
        settings: of the command.
        repeats: whether there is old text to repeat.
        measures: whether there is old text to measure with.
    """
    config = settings.of(FinetuneConfig)
    return unused_lines(settings, _unused(config, repeats=repeats, measures=measures))


def _unused(config: FinetuneConfig, *, repeats: bool, measures: bool) -> Iterator[tuple[str, str]]:
    if not config.expand_vocab:
        yield "max_new_chars", "with --no-expand-vocab"
    if config.replay == REPLAY_OFF:
        yield "replay_ratio", "with --replay off"
    elif not repeats:
        yield "replay_ratio", "without old text"
    if config.max_forgetting is not None and not measures:
        yield "max_forgetting", "without old text to measure"
    if not config.lora_rank:
        yield "lora_alpha", "without --lora-rank"


def _check_something_learns(settings: Settings) -> None:
    config, num_layers = settings.of(FinetuneConfig), settings.of(ModelConfig).num_layers
    if config.freeze_layers > num_layers:
        raise UsageError(
            f"freeze_layers is {config.freeze_layers}, and the model has {num_layers} layers",
            hint=f"Use at most: --freeze-layers {num_layers}",
        )
    if config.lora_rank and config.freeze_layers == num_layers:
        raise UsageError(
            "with every layer frozen there is no place for adapters",
            hint=f"Use --freeze-layers {num_layers - 1} at most, or leave out --lora-rank.",
        )
