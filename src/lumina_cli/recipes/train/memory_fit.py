"""Whether a run fits into the memory there is, and what to do where it doesn't."""

from dataclasses import dataclass
from functools import partial

import torch

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.memory_estimate import training_memory
from lumina_cli.core.model.peft_config import FULL_FINETUNING, PeftConfig
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.optim.optimizers import shares_update
from lumina_cli.core.training.parallel.rank import Rank
from lumina_cli.core.training.parallel.threads import num_workers
from lumina_cli.errors import OutOfMemoryError

MARGIN = 0.9
"""Share of the free memory that is counted on: others want some, too."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The training settings that fit, and what to tell where they are not those asked for."""

    config: TrainingConfig
    notices: tuple[str, ...] = ()


def fit_to_memory(
    config: TrainingConfig,
    model: ModelConfig,
    *,
    vocab_size: int,
    available_bytes: int | None,
    half: bool,
    peft: PeftConfig = FULL_FINETUNING,
    num_workers: int = 1,
    num_state_parts: int = 1,
) -> Fit:
    """Return settings whose steps fit: the same batches, in as many micro-batches as it takes.

    Args:
        config: settings that are wanted.
        model: the shape.
        vocab_size: of the model.
        available_bytes: free memory; None where nobody tells.
        half: whether matrix products are in a format of two bytes.
        peft: which parts learn.
        num_workers: threads that share a step.
        num_state_parts: see `num_parts`.

    Raises:
        OutOfMemoryError: one window of text at a time is too much.
    """
    if available_bytes is None:
        return Fit(config)
    usable = int(MARGIN * available_bytes)
    memory = partial(
        training_memory,
        model,
        vocab_size=vocab_size,
        half=half,
        peft=peft,
        optimizer=config.optimizer,
        num_workers=num_workers,
        num_state_parts=num_state_parts,
    )
    for activation_checkpointing in (config.activation_checkpointing, True):
        size = config.largest_micro_batch
        while size:
            of_size = memory(batch_size=size, activation_checkpointing=activation_checkpointing)
            if of_size.total <= usable:
                return _fit(config, size=size, activation_checkpointing=activation_checkpointing)
            size = -(-size // 2) if size > 1 else 0
    need = memory(batch_size=1, activation_checkpointing=True).total
    raise OutOfMemoryError(
        f"this model needs {need / 1e9:.1f} GB to train, and {usable / 1e9:.1f} GB are free",
        hint=f"What would fit: {smaller_flags(model, vocab_size=vocab_size, usable=usable)}",
    )


def num_sharing(config: TrainingConfig, *, device: torch.device) -> int:
    """Return how many threads may share a step; those of a compiled model don't."""
    return 1 if config.compile == "on" else num_workers(device)


def num_parts(config: TrainingConfig, *, num_trained: int, device: torch.device, rank: Rank) -> int:
    """Return among how many GPUs the optimizer's state is cut, each with a part of it.

    None counts on a CPU: the first process has the whole there, too, while it saves.
    """
    is_cut = device.type != "cpu" and shares_update(num_trained, config=config)
    return rank.world_size if is_cut else 1


def _fit(config: TrainingConfig, *, size: int, activation_checkpointing: bool) -> Fit:
    fitting = config.model_copy(
        update={"micro_batch_size": size, "activation_checkpointing": activation_checkpointing}
    )
    notices = []
    if size < config.largest_micro_batch and config.micro_batch_size != "auto":
        windows = f"{size} window{'' if size == 1 else 's'}"
        notices.append(f"memory is enough for {windows} at once: steps are done in micro-batches")
    if activation_checkpointing and not config.activation_checkpointing:
        notices.append("memory is short: activations are computed twice, which is slower")
    return Fit(fitting, tuple(notices))


def smaller_flags(model: ModelConfig, *, vocab_size: int, usable: int) -> str:
    """Return flags of a model that fits: half as wide, half as deep, as often as it takes."""
    hidden, layers = model.hidden_size, model.num_layers
    head = model.head_size
    seq_length = min(model.seq_length, 256)
    while hidden // 2 >= max(head, 16):
        hidden, layers = hidden // 2, max(layers // 2, 1)
        shape = model.model_copy(
            update={
                "hidden_size": hidden,
                "num_layers": layers,
                "num_heads": max(hidden // head, 1),
                "seq_length": seq_length,
            }
        )
        need = training_memory(
            shape, vocab_size=vocab_size, batch_size=1, activation_checkpointing=True
        )
        if need.total <= usable:
            break
    return (
        f"--hidden-size {hidden} --num-layers {layers} --nhead {max(hidden // head, 1)} "
        f"--seq-length {seq_length}"
    )
