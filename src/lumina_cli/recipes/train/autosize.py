"""Which model to train when only the time is given: the largest that time and text can fill.

A model that is too large for its time has read too little when it ends, one that is too
small has no room for what it read. In between a model wants to read a few characters for
each parameter; how many was measured (docs/decisions/018-minutes-chooses-the-model.md).
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from lumina_cli.core.memory import none_on_oom
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.memory_estimate import num_parameters
from lumina_cli.core.model.transformer import build_model
from lumina_cli.core.seeding import make_generator
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.validation.validator import MIN_EVAL_CHARS, ONE_SHARE
from lumina_cli.data.corpus.corpus import Corpus
from lumina_cli.errors import OutOfMemoryError
from lumina_cli.recipes.train.compute import Compute, fit_to_device
from lumina_cli.recipes.train.plan import FORWARD_SPEED, measure_step_s
from lumina_cli.settings import Settings

SHAPE_SETTINGS = frozenset(
    {"hidden_size", "num_layers", "num_heads", "seq_length", "batch_size", "grad_accum"}
)
"""Whoever names one of these has a shape in mind."""

CHARS_PER_PARAMETER = 3.0
"""What a model should read in its time, at least."""

PARAMETERS_PER_CHAR = 12.0
"""How large a model may be beside its text: beyond, it learns it by heart."""

CANDIDATES = (  # hidden size, layers, heads
    (64, 2, 2),
    (64, 3, 2),
    (96, 2, 3),
    (96, 3, 3),
    (96, 4, 3),
    (128, 4, 4),
    (160, 4, 5),
    (192, 4, 6),
    (256, 5, 8),
    (384, 6, 6),
    (512, 6, 8),
    (768, 8, 12),
    (1024, 12, 16),
)
DROPOUT = ((100.0, 0.2), (13.0, 0.1))  # from, rate
"""By passes over a text, times parameters for each id of it: a model with more of both begins to
learn it by heart."""

LONG_S = 100.0
"""Left for training: from here on, longer windows. Measured at one and at three minutes."""

FROM_WIDTH = 256
"""From here on, larger steps and lower learning rates of AdamW."""

LEARNING_RATES = {"muon": (6e-3, 3e-3), "adamw": (3e-3, 1e-3)}
"""Of AdamW, for narrow and for wide models: beside Muon it has only what Muon is not for."""

USED_SHARE = 0.9
"""Of the time, in steps; the rest goes into evaluations, samples and saving."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Settings to train with, and how they were found.

    Args:
        values: by setting.
        num_parameters: of the model.
        num_chars: that it will learn from, about.
        chars_per_s: as fast as it learns.
        chars_per_step: that it learns from at once.
        why_no_larger: in words; nothing for the largest there is.
    """

    values: dict[str, object]
    num_parameters: int
    num_chars: int
    chars_per_s: float
    chars_per_step: int
    why_no_larger: str = ""


def is_free(settings: Settings) -> bool:
    """Whether the time is given and nothing about the model is."""
    config = settings.of(TrainingConfig)
    has_shape = not SHAPE_SETTINGS.isdisjoint(settings.sources)
    return config.minutes is not None and settings.preset is None and not has_shape


def autosize(settings: Settings, *, corpus: Corpus, compute: Compute, seconds: float) -> Choice:
    """Return the largest model that the time and the memory are enough for.

    Args:
        settings: what they name stays as it is.
        corpus: to learn from; a little of it is learnt on trial.
        compute: what it computes on.
        seconds: left for training.

    Raises:
        OutOfMemoryError: memory is not enough for the smallest.
    """
    started_s, config = time.monotonic(), settings.of(TrainingConfig)
    chosen, why_no_larger = None, ""
    optimizer = config.optimizer if "optimizer" in settings.sources else "muon"
    on_gpu = compute.device.type == "cuda"
    for values in _candidates(seconds, optimizer=optimizer, on_gpu=on_gpu):
        values = {name: v for name, v in values.items() if name not in settings.sources}
        trial = settings.replaced(values, source="--minutes")
        left_s = seconds - (time.monotonic() - started_s)
        try:
            candidate = _try(trial, values, corpus=corpus, compute=compute, seconds=left_s)
        except OutOfMemoryError:
            if chosen is None:
                raise
            why_no_larger = "a larger one takes more memory than is free"
            break
        too_large = _too_large(candidate, corpus=corpus)
        if chosen is not None and too_large:
            why_no_larger = too_large
            break
        chosen = candidate
    assert chosen is not None, "there is a first candidate"
    values = {
        **chosen.values,
        "dropout": _dropout(chosen, corpus=corpus),
        "eval_chars": _eval_chars(chosen, settings=settings, seconds=seconds),
    }
    values = {name: v for name, v in values.items() if name not in settings.sources}
    return replace(chosen, values=values, why_no_larger=why_no_larger)


def _candidates(seconds: float, *, optimizer: str, on_gpu: bool) -> Iterator[dict[str, object]]:
    """Yield settings from the smallest model to the largest."""
    first, length = (32, 128) if seconds < LONG_S else (128, 256)
    chars = 32_768 if on_gpu else 1_024 if seconds < 30 else 2_048
    for hidden_size, num_layers, num_heads in CANDIDATES:
        if hidden_size >= FROM_WIDTH:
            chars = max(chars, 4_096)
        yield {
            "hidden_size": hidden_size,
            "num_layers": num_layers,
            "num_heads": num_heads,
            "seq_length": length,
            "start_seq_length": first,
            "batch_size": chars // length,
            "position_encoding": "rotary",
            "dropout": 0.0,
            "label_smoothing": 0.0,
            "optimizer": optimizer,
            "learning_rate": LEARNING_RATES[optimizer][hidden_size >= FROM_WIDTH],
            "muon_learning_rate": 0.014,
            "beta2": 0.99,
            "warmup_ratio": 0.02,
            "min_lr_ratio": 0.01,
        }


def _try(
    trial: Settings,
    values: dict[str, object],
    *,
    corpus: Corpus,
    compute: Compute,
    seconds: float,
) -> Choice:
    """Return a candidate with what it would read, after a few steps on trial.

    Raises:
        OutOfMemoryError: it doesn't fit into this machine.
    """
    shape, vocab_size = trial.of(ModelConfig), corpus.tokenizer.vocab_size
    config = fit_to_device(trial, vocab_size=vocab_size, compute=compute).config

    def measure() -> float:
        generator = make_generator(config.seed, "weights")
        model = build_model(shape, vocab_size=vocab_size, generator=generator).to(compute.device)
        return measure_step_s(
            model, corpus, config=config, precision=compute.precision, rank=compute.rank
        )

    step_s = none_on_oom(measure)
    if step_s is None:
        raise OutOfMemoryError(
            f"memory ran out while a model {shape.hidden_size} wide was tried",
            hint="Close other programs, or name a shape: --hidden-size 64 --num-layers 2",
        )
    step_chars = config.windows_per_step * shape.seq_length * corpus.tokenizer.chars_per_id
    chars_per_s = step_chars / step_s
    return Choice(
        values,
        num_parameters(shape, vocab_size=vocab_size),
        num_chars=int(max(seconds, 0.0) * USED_SHARE * chars_per_s),
        chars_per_s=chars_per_s,
        chars_per_step=round(step_chars),
    )


def _too_large(choice: Choice, *, corpus: Corpus) -> str:
    """Return why a model is too large for the time or the text, in words; nothing if it isn't."""
    if choice.num_chars < CHARS_PER_PARAMETER * choice.num_parameters:
        return f"a larger one would read fewer than {CHARS_PER_PARAMETER:g}"
    if choice.num_parameters > PARAMETERS_PER_CHAR * corpus.train.num_chars:
        return "a larger one would learn so short a text by heart"
    return ""


def _dropout(choice: Choice, *, corpus: Corpus) -> float:
    """Return dropout where the text is read so often that it could be learnt by heart."""
    passes = choice.num_chars / max(corpus.train.num_chars, 1)
    by_heart = passes * choice.num_parameters / max(len(corpus.train), 1)
    return next((rate for least, rate in DROPOUT if by_heart >= least), 0.0)


def _eval_chars(choice: Choice, *, settings: Settings, seconds: float) -> int:
    """Return how much to measure by: as much as a small share of the time is enough for."""
    usual = settings.of(TrainingConfig).eval_chars
    affordable = int(ONE_SHARE * seconds * FORWARD_SPEED * choice.chars_per_s)
    return min(max(affordable, MIN_EVAL_CHARS), usual)


def explain(choice: Choice, *, chosen: Settings) -> str:
    """Return what was chosen and why.

    Args:
        choice: what was found.
        chosen: the settings, with those of the choice.
    """
    shape, config = chosen.of(ModelConfig), chosen.of(TrainingConfig)
    per_parameter = choice.num_chars / choice.num_parameters
    first = config.start_seq_length or shape.seq_length
    windows = f"{first} growing to {shape.seq_length}" if first < shape.seq_length else f"{first}"
    why = f" ({choice.why_no_larger})" if choice.why_no_larger else ""
    muon = f" (muon {config.muon_learning_rate:g})" if config.optimizer == "muon" else ""
    return (
        f"chosen for {config.minutes:g} min on this machine: {shape.hidden_size} wide, "
        f"{shape.num_layers} layers ({choice.num_parameters / 1e6:.1f} M parameters), "
        f"windows of {windows}, {choice.chars_per_step:,} characters a step, "
        f"{shape.position_encoding} positions, dropout {shape.dropout:g}, "
        f"learning rate {config.learning_rate:g}{muon}; it will read about "
        f"{choice.num_chars / 1e6:.1f} M characters, {per_parameter:.0f} for each parameter{why}"
    )
