"""How long a model would take for one pass over data on this machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lumina_cli.core.checkpoint.model_file import load_model
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.data.batches import steps_of_text
from lumina_cli.data.config import DataConfig
from lumina_cli.recipes.data.sources import encode_source, open_source
from lumina_cli.recipes.train.compute import choose_compute, in_fast_micro_batches
from lumina_cli.recipes.train.plan import measure_step_s
from lumina_cli.settings import Settings


@dataclass(frozen=True, slots=True)
class EpochTime:
    """One pass over the data in steps of one size, at the speed that was measured."""

    steps: int
    step_s: float

    @property
    def seconds(self) -> float:
        return self.steps * self.step_s


def estimate_epoch_time(model_path: Path, *, data: Sequence[Path], settings: Settings) -> EpochTime:
    """Try a few training steps of a model on the data; the model file is left as it is.

    Raises:
        LuminaError: model or data can't be read.
    """
    config = settings.of(DataConfig)
    compute = choose_compute(settings)
    loaded = load_model(model_path, device=compute.device)
    seq_length = loaded.model.config.seq_length
    training = in_fast_micro_batches(
        settings.of(TrainingConfig), seq_length=seq_length, device=compute.device
    )
    source = open_source(data, config=config)
    corpus = encode_source(source, config=config, seed=training.seed, tokenizer=loaded.tokenizer)
    steps = steps_of_text(corpus.train, seq_length=seq_length, batch_size=training.windows_per_step)
    step_s = measure_step_s(
        loaded.model.train(), corpus, config=training, precision=compute.precision
    )
    return EpochTime(steps, step_s)
