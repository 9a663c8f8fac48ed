"""What a run of training is to do: decided in full before anything of it begins."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from lumina_cli.core.config import ComputeConfig
from lumina_cli.core.device import choose_device, machine_facts
from lumina_cli.core.memory import available_memory_bytes, keep_freed_memory
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.peft_config import FULL_FINETUNING, PeftConfig
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.precision import Precision, choose_precision
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.parallel.threads import windows_at_once
from lumina_cli.core.training.retention import RetentionLimit
from lumina_cli.data.batches import Replay
from lumina_cli.data.config import DataConfig
from lumina_cli.data.corpus import Corpus
from lumina_cli.errors import DataError
from lumina_cli.recipes.data.sources import (
    Source,
    encode_source,
    leaks,
    open_source,
    own_validation,
)
from lumina_cli.recipes.finetune.base import Base
from lumina_cli.recipes.finetune.replay import OldText
from lumina_cli.recipes.train.memory_fit import Fit, fit_to_memory, num_sharing
from lumina_cli.recipes.train.resume import Resumed, check_data, machine_notices
from lumina_cli.recipes.unused_settings import without_effect
from lumina_cli.settings import Settings
from lumina_cli.tokenizer.base import Tokenizer

LEAST_VALIDATION_CHARS = 1_000


@dataclass(frozen=True, slots=True)
class Compute:
    """What the model computes on, and in which number format."""

    device: torch.device
    precision: Precision


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


@dataclass(frozen=True, eq=False)
class TrainJob:
    """A model, what it is to learn from, and how.

    Args:
        settings: of the command.
        config: the training settings among them, as memory allows them.
        out: the model file to write.
        machine: to compute on; the model is there.
        material: to learn from.
        model: to train.
        peft: which parts of it learn.
        base: the model it comes from, if it does.
        old: what was learnt before.
        retention: of that, what is not to be forgotten.
        replay: how much of that is repeated.
        facts: what a plan should tell beside the usual.
        resumed: the run to go on with, if it is not a new one.
        notices: what a person should know before it begins.
        started_s: when the command began (`time.monotonic`), from which `minutes` count.
    """

    settings: Settings
    config: TrainingConfig
    out: Path
    machine: Compute
    material: TrainingData
    model: Transformer
    peft: PeftConfig = FULL_FINETUNING
    base: Base | None = None
    old: OldText = field(default_factory=OldText)
    retention: RetentionLimit = field(default_factory=RetentionLimit)
    replay: Replay | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    resumed: Resumed | None = None
    notices: tuple[str, ...] = ()
    started_s: float = field(default_factory=time.monotonic)


def choose_compute(settings: Settings) -> Compute:
    """Return what to compute on; threads and memory are set for learning on it."""
    compute = settings.of(ComputeConfig)
    if compute.threads is not None:
        torch.set_num_threads(compute.threads)
    keep_freed_memory()
    device = choose_device(compute.device)
    return Compute(device, choose_precision(compute.precision, device=device))


def read_training_data(
    settings: Settings,
    *,
    data: Sequence[Path],
    val_data: Sequence[Path],
    tokenizer: Tokenizer | None = None,
    max_new_chars: int = 0,
) -> TrainingData:
    """Return what `data` names, read and encoded.

    Args:
        settings: of the command.
        data: paths to learn from.
        val_data: paths for validation alone; none for a share of `data`.
        tokenizer: to encode with; by default the characters of the data.
        max_new_chars: most characters to add to it.

    Raises:
        LuminaError: there is no such data, it can't be read, or it holds no text.
    """
    config, seed = settings.of(DataConfig), settings.of(TrainingConfig).seed
    if not val_data:
        data, val_data = own_validation(data)
    notices = leaks(data, val_data)
    source = open_source(data, config=config)
    validation = open_source(val_data, config=config) if val_data else None
    corpus = encode_source(
        source,
        config=config,
        seed=seed,
        validation=validation,
        tokenizer=tokenizer,
        max_new_chars=max_new_chars,
    )
    if len(corpus.train) < 2:
        raise DataError("there is too little text to train on", hint="Give more: --data FILE")
    if not (corpus.train.pairs & 1).any():
        raise DataError("the bot says nothing in the data", hint="Learn from all: --loss-on all")
    notices += corpus.remarks
    notices += small_validation(corpus)
    notices += without_effect(settings, source=source, corpus=corpus, val_data=val_data)
    fingerprint = source.fingerprint + (validation.fingerprint if validation else "")
    return TrainingData(source, val_data, corpus, fingerprint, tuple(notices))


def check_resumed(resumed: Resumed, material: TrainingData, machine: Compute) -> list[str]:
    """Tell what is not as it was when the run was left.

    Raises:
        DataError: the data is other data.
    """
    check_data(resumed, material.corpus)
    return machine_notices(resumed, machine_facts(machine.device))


def fit_to_machine(
    settings: Settings, *, vocab_size: int, machine: Compute, peft: PeftConfig = FULL_FINETUNING
) -> Fit:
    """Return the training settings that fit into the memory there is.

    Raises:
        OutOfMemoryError: none do.
    """
    model = settings.of(ModelConfig)
    config = settings.of(TrainingConfig)
    return fit_to_memory(
        in_fast_pieces(config, seq_length=model.seq_length, device=machine.device),
        model,
        vocab_size=vocab_size,
        available_bytes=available_memory_bytes(machine.device),
        half=machine.precision.name != "fp32",
        peft=peft,
        num_workers=num_sharing(config, device=machine.device),
    )


def in_fast_pieces(
    config: TrainingConfig, *, seq_length: int, device: torch.device
) -> TrainingConfig:
    """Return settings with as many windows at once as are fastest, unless a number is asked for."""
    at_once = windows_at_once(device, seq_length=seq_length)
    if at_once is None or config.micro_batch_size is not None:
        return config
    return config.model_copy(update={"micro_batch_size": min(config.batch_size, at_once)})


def small_validation(corpus: Corpus) -> list[str]:
    """Tell of a validation text too small to mean anything."""
    chars = corpus.validation_counts.chars
    if chars >= LEAST_VALIDATION_CHARS:
        return []
    if not chars:
        return ["there is no validation text: the latest model is kept, not the best"]
    return [f"validation has only {chars:,} characters: its figures are little more than chance"]
