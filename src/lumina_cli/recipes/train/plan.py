"""What a training run is going to do, told before it starts."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch

from lumina_cli.core.device import describe_device
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.memory_estimate import (
    TrainingMemory,
    num_parameters,
    num_trainable,
    training_memory,
)
from lumina_cli.core.model.peft_config import FULL_FINETUNING, PeftConfig
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.precision import Precision
from lumina_cli.core.seeding import random_state, restore_random_state
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.optim.optimizers import Optimizers, build_optimizers
from lumina_cli.core.training.parallel.rank import ALONE, OnTrial, Rank, own_rows
from lumina_cli.core.training.parallel.threads import fewest_to_share, least_chars
from lumina_cli.core.training.step.stepper import Stepper
from lumina_cli.data.batches import Batch, EpochBatches, Replay, steps_of_text
from lumina_cli.data.chats.registry import FORMATS as CHAT_FORMATS
from lumina_cli.data.corpus.corpus import Corpus
from lumina_cli.data.corpus.encoder import SplitCounts
from lumina_cli.recipes.train.memory_fit import num_parts, num_sharing

FORWARD_SPEED = 3.0
"""How much faster a model reads than it learns: a backward pass is two forward passes."""

LONGEST_TRIAL_S = 2.0
"""Whole batches are timed where one takes less than this, else a few windows stand for all."""

LEAST_PART = 8
"""Of a batch, that stands for all of it: starting the operations is not to count for much."""

OF_CHATS = (
    "the data are people's chats: whoever has the model can get sentences of theirs out of it "
    "(lumina docs own-chats)"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Data, model, memory and time of a run; `steps` is None where the clock ends it.

    `more` is what there is to tell of this run alone, by name; `privacy` what there is to know of
    a model that learns from people's chats.
    """

    data: tuple[str, ...]
    train: SplitCounts
    validation: SplitCounts
    vocab_size: int
    num_characters: int
    model: ModelConfig
    num_parameters: int
    memory: TrainingMemory
    steps: int | None
    steps_per_epoch: int
    seconds: float
    device: str
    precision: Precision
    out: Path
    chars_per_id: float = 1.0
    optimizer: str = "adamw"
    privacy: str = ""
    more: Mapping[str, str] = field(default_factory=dict)


def make_plan(
    model: Transformer,
    corpus: Corpus,
    *,
    data: tuple[str, ...],
    config: TrainingConfig,
    precision: Precision,
    out: Path,
    peft: PeftConfig = FULL_FINETUNING,
    replay: Replay | None = None,
    more: Mapping[str, str] | None = None,
    rank: Rank = ALONE,
) -> Plan:
    """Return the plan, its time measured by the first rank on the model, which stays as it is."""
    epoch_steps = steps_of_text(
        corpus.train,
        seq_length=model.config.seq_length,
        batch_size=config.windows_per_step,
        replay=replay,
    )
    steps = _planned_steps(config, epoch_steps=epoch_steps)
    seconds = _planned_seconds(
        model, corpus, config=config, precision=precision, steps=steps, rank=rank
    )
    vocab_size = corpus.tokenizer.vocab_size
    return Plan(
        data=data,
        train=corpus.train_counts,
        validation=corpus.validation_counts,
        vocab_size=vocab_size,
        num_characters=len(corpus.tokenizer.character_ids),
        model=model.config,
        num_parameters=num_parameters(model.config, vocab_size=vocab_size),
        memory=training_memory(
            model.config,
            vocab_size=vocab_size,
            batch_size=config.largest_micro_batch,
            activation_checkpointing=config.activation_checkpointing,
            half=precision.name != "fp32",
            peft=peft,
            optimizer=config.optimizer,
            num_workers=num_sharing(config, device=model.wte.weight.device),
            num_state_parts=num_parts(
                config,
                num_trained=num_trainable(model.config, vocab_size=vocab_size, peft=peft),
                device=model.wte.weight.device,
                rank=rank,
            ),
        ),
        steps=steps,
        steps_per_epoch=epoch_steps,
        seconds=rank.broadcast(seconds),
        device=describe_device(model.wte.weight.device),
        precision=precision,
        out=out,
        chars_per_id=corpus.tokenizer.chars_per_id,
        optimizer=config.optimizer,
        privacy="" if CHAT_FORMATS.isdisjoint(corpus.schemas) else OF_CHATS,
        more=more or {},
    )


def _planned_steps(config: TrainingConfig, *, epoch_steps: int) -> int | None:
    limits = [config.max_steps, config.epochs and config.epochs * epoch_steps]
    return min((limit for limit in limits if limit is not None), default=None)


def _planned_seconds(
    model: Transformer,
    corpus: Corpus,
    *,
    config: TrainingConfig,
    precision: Precision,
    steps: int | None,
    rank: Rank,
) -> float:
    limit = None if config.minutes is None else config.minutes * 60
    if steps is None:
        assert limit is not None, "a run needs an end"
        return limit
    step_s = measure_step_s(model, corpus, config=config, precision=precision, rank=rank)
    step_chars = config.windows_per_step * model.config.seq_length * corpus.tokenizer.chars_per_id
    evaluated_chars = min(config.eval_chars, corpus.validation.num_chars)
    num_evaluations = 1 + min(config.num_evals, steps)
    in_steps = num_evaluations * evaluated_chars / (FORWARD_SPEED * step_chars)
    seconds = (steps + in_steps) * step_s
    return seconds if limit is None else min(seconds, limit)


def measure_step_s(
    model: Transformer,
    corpus: Corpus,
    *,
    config: TrainingConfig,
    precision: Precision,
    rank: Rank = ALONE,
) -> float:
    """Return how long a step takes here, tried on the model itself, with the windows of a rank.

    A copy might not fit where the run does. Weights, gradients and random states are to the bit
    what they were, and the trial's optimizer is gone, when this returns.

    Where a whole batch takes long, a part of it tells: the optimizer takes its time once
    a step, all else for each window.
    """
    whole = EpochBatches(
        corpus.train,
        seq_length=model.config.seq_length,
        batch_size=config.windows_per_step,
        seed=config.seed,
        epoch=0,
    )[0]
    batch = own_rows(whole, rank=rank) if len(whole.inputs) >= rank.world_size else whole.rows(0, 1)
    with _put_back(model):
        model.activation_checkpointing = config.activation_checkpointing
        optimizers = build_optimizers(model, config=config, rank=OnTrial(rank))
        stepper = Stepper(
            model,
            _WithoutUpdates(optimizers.adamw, optimizers.muon),
            precision=precision,
            grad_clip=config.grad_clip,
            label_smoothing=config.label_smoothing,
            micro_batch_size=config.largest_micro_batch,
        )
        learn = partial(stepper.step, lr_factor=0.0)
        few = batch.rows(0, _num_few(model, batch, precision=precision))
        _seconds(partial(learn, few))  # the first call is always slow
        few_s = _seconds(partial(learn, few))
        update_s = _update_s(model, optimizers)
        step_s = update_s + few_s * len(batch.inputs) / len(few.inputs)
        if step_s > LONGEST_TRIAL_S:
            return step_s
        _seconds(partial(learn, batch))
        return update_s + min(_seconds(partial(learn, batch)) for _ in range(3))


class _WithoutUpdates(Optimizers):
    """Holds gradients as the run's optimizers do, and leaves the weights alone."""

    def step(self, *, lr_factor: float, grad_factor: float = 1.0) -> None:
        pass


@contextmanager
def _put_back(model: Transformer) -> Iterator[None]:
    """Give the model and the random generators back what a trial changes beside weights."""
    device = model.wte.weight.device
    random, recompute = random_state(device), model.activation_checkpointing
    gradients = [parameter.grad for parameter in model.parameters()]
    try:
        yield
    finally:
        restore_random_state(random, device=device)
        model.activation_checkpointing = recompute
        for parameter, gradient in zip(model.parameters(), gradients, strict=True):
            parameter.grad = gradient


def _num_few(model: Transformer, batch: Batch, *, precision: Precision) -> int:
    """Return how many windows of a batch stand for all of it, shared by threads as all are."""
    least = least_chars(model.config.hidden_size, precision)
    fewest = fewest_to_share(
        model.wte.weight.device, seq_length=model.config.seq_length, least=least
    )
    return max(fewest, len(batch.inputs) // LEAST_PART)


def _update_s(model: Transformer, optimizers: Optimizers) -> float:
    """Return how long the optimizers take; meanwhile the gradients keep the weights.

    Even an update of no length may change a weight of -0.0.
    """
    learning = [parameter for parameter in model.parameters() if parameter.grad is not None]
    update = partial(optimizers.step, lr_factor=0.0)
    with torch.no_grad():
        for parameter in learning:
            assert parameter.grad is not None
            parameter.grad.copy_(parameter)
        try:
            _seconds(update)  # the first touches the memory of the moments
            return _seconds(update)
        finally:
            for parameter in learning:
                assert parameter.grad is not None
                parameter.copy_(parameter.grad)


def _seconds(work: Callable[[], object]) -> float:
    started_s = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started_s
