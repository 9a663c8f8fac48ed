"""The model file of a run: the best model so far, as it is used afterwards."""

import copy
from collections.abc import Iterator
from functools import cached_property

from lumina_cli.core.checkpoint.model_file import NgramTable, save_model
from lumina_cli.core.model.peft import interpolate_weights, merge_lora
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.training.events import Evaluated
from lumina_cli.recipes.run.events import Saved, SaveEvent
from lumina_cli.recipes.run.saving.metadata import model_metadata
from lumina_cli.recipes.run.saving.ngram_table import build_draft
from lumina_cli.recipes.run.saving.saver import Saver
from lumina_cli.recipes.train.job import TrainJob


class BestModelSaver:
    """Writes the best model as it is found, or later where the disk had no room for it.

    Args:
        job: whose model it is.
        saver: counts what fails.
    """

    def __init__(self, job: TrainJob, *, saver: Saver) -> None:
        self.job = job
        self.saver = saver
        self._pending: tuple[Transformer, Evaluated] | None = None

    def save(self, evaluated: Evaluated) -> SaveEvent:
        """Save the model as it is now; a copy is kept where that fails."""
        event = self._write(self.job.model, evaluated)
        failed = self.saver.num_failures > 0
        self._pending = (copy.deepcopy(self.job.model), evaluated) if failed else None
        return event

    def save_pending(self) -> Iterator[SaveEvent]:
        """Save the best model, if the disk had no room for it when it was found."""
        if self._pending is not None and not self.saver.num_failures:
            yield self._write(*self._pending)
            if not self.saver.num_failures:
                self._pending = None

    def _write(self, model: Transformer, evaluated: Evaluated) -> SaveEvent:
        def write() -> SaveEvent:
            save_model(
                self.job.out,
                model=deployable(self.job, model, share=evaluated.alpha),
                tokenizer=self.job.data.corpus.tokenizer,
                metadata=model_metadata(self.job, evaluated),
                draft=self._draft,
            )
            return Saved(evaluated.step, self.job.out)

        return self.saver.attempt(write, step=evaluated.step)

    @cached_property
    def _draft(self) -> NgramTable:
        """Statistics of the training text, which are counted once."""
        corpus = self.job.data.corpus
        return build_draft(corpus.train, config=self.job.model.config, tokenizer=corpus.tokenizer)


def deployable(job: TrainJob, model: Transformer, *, share: float) -> Transformer:
    """Return the plain model to save: adapters merged, with a share of what it learnt."""
    start = job.retention.base_weights
    return interpolate_weights(model, start, alpha=share) if share < 1 else merge_lora(model)
