"""A model measured on a text that a person names."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lumina_cli.core.checkpoint.model_file import load_model
from lumina_cli.core.config import ComputeConfig, EngineConfig
from lumina_cli.core.device import choose_device
from lumina_cli.core.inference.backends.backend import Backend
from lumina_cli.core.model.transformer import Transformer, use_kernels
from lumina_cli.core.precision import choose_precision
from lumina_cli.core.training.validation.evaluate import Evaluation, Predict, evaluate
from lumina_cli.data.batches import validation_batches
from lumina_cli.data.config import DataConfig
from lumina_cli.errors import DataError
from lumina_cli.recipes.data.sources import encode_source, open_source
from lumina_cli.recipes.infer.engines import choose_reader
from lumina_cli.recipes.unused_settings import unused_data_settings, unused_lines
from lumina_cli.settings import Settings

BATCH_SIZE = 16


@dataclass(frozen=True, slots=True)
class EvalReport:
    """The figures of a model on a text, what it predicts, and what there is to tell of settings."""

    evaluation: Evaluation
    unit: str
    notices: tuple[str, ...]


def evaluate_model(model_path: Path, *, data: Sequence[Path], settings: Settings) -> EvalReport:
    """Measure a model on all of the data, none of it set apart.

    Raises:
        LuminaError: model or data can't be read, or there is nothing to measure on.
    """
    compute = settings.of(ComputeConfig)
    if compute.threads is not None:
        torch.set_num_threads(compute.threads)
    use_kernels(compute.kernels)
    device = choose_device(compute.device)
    is_int8 = compute.precision == "int8"
    precision = choose_precision("fp32" if is_int8 else compute.precision, device=device)
    loaded = load_model(model_path, device=device)
    if not is_int8:
        compute = compute.model_copy(update={"precision": precision.name})
    engine = settings.of(EngineConfig).engine
    reader, told = choose_reader(loaded.model, engine=engine, compute=compute)
    config = settings.of(DataConfig).model_copy(update={"val_fraction": 0.0})
    source = open_source(data, config=config)
    corpus = encode_source(source, config=config, seed=0, tokenizer=loaded.tokenizer)
    batches = validation_batches(
        corpus.train, seq_length=loaded.model.config.seq_length, batch_size=BATCH_SIZE
    )
    result = evaluate(
        loaded.model,
        batches,
        tokenizer=loaded.tokenizer,
        precision=precision,
        predict=None if isinstance(reader, Transformer) else _predict_by(reader),
    )
    if not result.characters:
        raise DataError("no character of the data counts", hint="Try: --loss-on all")
    has_conversations = bool(corpus.train_counts.conversations)
    unused = unused_data_settings(
        config, schemas=corpus.schemas, has_conversations=has_conversations
    )
    unit = "characters" if loaded.tokenizer.max_chars_per_id == 1 else "tokens"
    return EvalReport(result, unit, (*told, *unused_lines(settings, unused)))


def _predict_by(backend: Backend) -> Predict:
    """Return how a backend predicts: each text as it reads a prompt."""

    def predict(idx: Tensor, chosen: Tensor) -> Tensor:
        texts = zip(idx.tolist(), chosen, strict=True)
        return torch.cat([backend.forward(0, [ids], [0])[0][which] for ids, which in texts])

    return predict
