"""What the core says of a run that can't go on, with what only the recipe knows beside it."""

from lumina_cli.core.memory import available_memory_bytes
from lumina_cli.core.model.memory_estimate import training_memory
from lumina_cli.data.batches import Batch
from lumina_cli.errors import DivergedError, OutOfMemoryError
from lumina_cli.recipes.train.job import TrainJob
from lumina_cli.recipes.train.memory_fit import MARGIN, smaller_flags
from lumina_cli.recipes.train.training_data import TrainingData

SHOWN_IDS = 60


def diverged_on(error: DivergedError, batch: Batch, training_data: TrainingData) -> DivergedError:
    """Return the error with the data: its names, and how the first text of the batch begins."""
    text = training_data.corpus.tokenizer.decode(batch.inputs[0, :SHOWN_IDS].tolist())
    names = ", ".join(training_data.source.names)
    return DivergedError(f"{error.message}, in {names} about {text!r}", hint=error.hint)


def too_large(error: OutOfMemoryError, job: TrainJob) -> OutOfMemoryError:
    """Return the error with flags of a model that would fit."""
    vocab_size = job.data.corpus.tokenizer.vocab_size
    shape = job.model.config
    half = job.compute.precision.name != "fp32"
    too_much = training_memory(
        shape, vocab_size=vocab_size, batch_size=1, activation_checkpointing=True, half=half
    ).total
    free = available_memory_bytes(job.compute.device)
    usable = int(MARGIN * min(too_much, too_much if free is None else free))
    flags = smaller_flags(shape, vocab_size=vocab_size, usable=usable)
    return OutOfMemoryError(error.message, hint=f"Train a smaller model: {flags}")
