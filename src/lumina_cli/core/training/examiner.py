"""When a run is measured, and on what."""

from collections.abc import Sequence

from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.precision import Precision
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.evaluate import Evaluation, evaluate
from lumina_cli.core.training.events import StopReason
from lumina_cli.core.training.state import Counters
from lumina_cli.data.batches import spread_batches
from lumina_cli.data.encoded import EncodedText

TIME_SHARE = 0.05
"""Of a run that the clock ends: what measuring may take, however often it was asked for."""


class Examiner:
    """Measures a model while it learns.

    Args:
        validation: texts that are not learnt from; may be empty.
        kept: validation texts of what was learnt before, to measure what is forgotten.
        config: how often, and by how many characters.
        precision: in which the model computes.
        seconds: the whole run has, where the clock ends it.
    """

    def __init__(
        self,
        validation: Sequence[EncodedText],
        *,
        kept: Sequence[EncodedText],
        config: TrainingConfig,
        precision: Precision,
        seconds: float | None,
    ) -> None:
        self.validation = validation
        self.kept = kept
        self.config = config
        self.precision = precision
        self.seconds = seconds

    def is_due(self, counters: Counters) -> bool:
        """Whether progress has passed another of the marks that divide the run evenly."""
        if counters.evaluated_step < 0:
            return True  # the untrained model
        return self.marks_passed(counters) > counters.evaluations_done

    def marks_passed(self, counters: Counters) -> int:
        """Return how many of the marks lie behind."""
        marks = float(self.config.evaluations)
        if self.seconds is not None and counters.evaluation_s > 0:
            marks = min(marks, TIME_SHARE * self.seconds / counters.evaluation_s)
        return int(counters.progress * marks)

    def is_last_due(self, counters: Counters, reason: StopReason) -> bool:
        """Whether the model at the end is still to be measured.

        An interrupted run will go on, so it is measured only to leave a model at all.
        """
        if reason == "interrupted" and counters.best_step is not None:
            return False
        return counters.evaluated_step != counters.num_steps

    def examine(self, model: Transformer, *, batch_size: int) -> tuple[Evaluation, float | None]:
        """Return what the model is worth on the validation text, and nats on the older ones."""
        kept = None
        if self.kept:
            kept = self._measure(model, self.kept, batch_size=batch_size).nats_per_char
        return self._measure(model, self.validation, batch_size=batch_size), kept

    def _measure(
        self, model: Transformer, texts: Sequence[EncodedText], *, batch_size: int
    ) -> Evaluation:
        batches = spread_batches(
            texts,
            seq_length=model.config.seq_length,
            batch_size=batch_size,
            max_chars=self.config.eval_chars,
        )
        return evaluate(model, batches, precision=self.precision)
