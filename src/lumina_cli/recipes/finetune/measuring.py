"""By how much text a run of fine-tuning is measured that the clock ends."""

import time

from lumina_cli.core.checkpoint.model_file import ModelFile
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.validation.evaluate import evaluate
from lumina_cli.core.training.validation.retention import MAX_TRIALS
from lumina_cli.core.training.validation.validator import TIME_SHARE
from lumina_cli.data.batches import spread_batches
from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.recipes.train.compute import Compute
from lumina_cli.settings import BASE_PLACE, Settings

FEW_EVALS = 3
"""In a run by the clock: each reads new text and old."""

NUM_PASSES = 2 + 2 + 2 * FEW_EVALS + MAX_TRIALS
"""Over that text: the base, the model before the first step, those of the run, and the search for
a model that has forgotten little enough."""


def with_quick_measuring(
    settings: Settings, loaded: ModelFile, *, text: TokenDataset, compute: Compute
) -> Settings:
    """Return settings with which measuring takes a twentieth of the minutes at most.

    Args:
        settings: of the command; what they name stays as it is.
        loaded: the model that is measured.
        text: to find out with how fast it reads.
        compute: what it computes on.
    """
    config = settings.of(TrainingConfig)
    if config.minutes is None or not len(text):
        return settings
    chars_per_s = _chars_per_s(loaded, text=text, compute=compute)
    affordable = int(TIME_SHARE * config.minutes * 60 * chars_per_s / NUM_PASSES)
    values = {
        "num_evals": min(FEW_EVALS, config.num_evals),
        "eval_chars": max(1, min(affordable, config.eval_chars)),
    }
    free = {
        name: value
        for name, value in values.items()
        if settings.sources.get(name, BASE_PLACE) == BASE_PLACE
    }
    return settings.replaced(free, source="--minutes")


def _chars_per_s(loaded: ModelFile, *, text: TokenDataset, compute: Compute) -> float:
    """Return how fast the model reads: a window, once to begin with, once to tell."""
    model = loaded.model.to(compute.device)
    seq_length = model.config.seq_length
    (batch, *_) = spread_batches([text], seq_length=seq_length, batch_size=1, max_chars=1)
    for _ in range(2):
        started_s = time.perf_counter()
        evaluate(model, [batch], tokenizer=loaded.tokenizer, precision=compute.precision)
        taken_s = time.perf_counter() - started_s
    return seq_length * text.tokenizer.chars_per_id / max(taken_s, 1e-9)
