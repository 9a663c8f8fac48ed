"""What a run computes on, and the settings that fit into its memory."""

from dataclasses import dataclass, replace

import torch

from lumina_cli.core.config import ComputeConfig
from lumina_cli.core.device import choose_device
from lumina_cli.core.memory import available_memory_bytes
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.memory_estimate import num_trainable
from lumina_cli.core.model.peft_config import FULL_FINETUNING, PeftConfig
from lumina_cli.core.model.transformer import use_kernels
from lumina_cli.core.precision import Precision, choose_precision
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.optim.muon import scratch_bytes
from lumina_cli.core.training.parallel.joining import join
from lumina_cli.core.training.parallel.place import find_place
from lumina_cli.core.training.parallel.rank import ALONE, Rank
from lumina_cli.core.training.parallel.threads import windows_at_once
from lumina_cli.io.process_memory import keep_freed_memory
from lumina_cli.recipes.train.memory_fit import Fit, fit_to_memory, num_parts, num_sharing
from lumina_cli.settings import Settings


@dataclass(frozen=True, slots=True)
class Compute:
    """What the model computes on, in which number format, and beside whom."""

    device: torch.device
    precision: Precision
    rank: Rank = ALONE


def choose_compute(settings: Settings) -> Compute:
    """Return what to compute on; threads and memory are set for learning on it."""
    compute = settings.of(ComputeConfig)
    if compute.threads is not None:
        torch.set_num_threads(compute.threads)
    use_kernels(compute.kernels)
    keep_freed_memory()
    device = choose_device(compute.device)
    rank = join(device)
    return Compute(device, choose_precision(compute.precision, device=device), rank)


def fit_to_device(
    settings: Settings, *, vocab_size: int, compute: Compute, peft: PeftConfig = FULL_FINETUNING
) -> Fit:
    """Return the training settings that fit into the memory there is.

    Raises:
        OutOfMemoryError: none do.
    """
    model = settings.of(ModelConfig)
    config = settings.of(TrainingConfig)
    available = available_memory_bytes(compute.device)
    place = find_place()
    if available is not None and place is not None and compute.device.type == "cpu":
        available //= place.local_world_size
    if available is not None and config.optimizer == "muon":
        available -= scratch_bytes(compute.device)
    return fit_to_memory(
        in_fast_micro_batches(config, seq_length=model.seq_length, device=compute.device),
        model,
        vocab_size=vocab_size,
        available_bytes=available,
        half=compute.precision.name != "fp32",
        peft=peft,
        num_workers=num_sharing(config, device=compute.device),
        num_state_parts=num_parts(
            config,
            num_trained=num_trainable(model, vocab_size=vocab_size, peft=peft),
            device=compute.device,
            rank=compute.rank,
        ),
    )


def fit_on_all(
    settings: Settings, *, vocab_size: int, compute: Compute, peft: PeftConfig = FULL_FINETUNING
) -> Fit:
    """Return the training settings that fit where the first rank is, the same on all ranks.

    Raises:
        OutOfMemoryError: none do.
    """
    fit = fit_to_device(settings, vocab_size=vocab_size, compute=compute, peft=peft)
    agreed = compute.rank.broadcast(fit.config.model_dump(mode="json"))
    return replace(fit, config=TrainingConfig.model_validate(agreed))


def in_fast_micro_batches(
    config: TrainingConfig, *, seq_length: int, device: torch.device
) -> TrainingConfig:
    """Return settings with as many windows at once as are fastest, unless a number is asked for."""
    at_once = windows_at_once(device, seq_length=seq_length)
    if at_once is None or config.micro_batch_size is not None:
        return config
    return config.model_copy(update={"micro_batch_size": min(config.batch_size, at_once)})
