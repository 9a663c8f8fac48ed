"""The model that fine-tuning begins from, and what has to be known of it all along."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lumina_cli.core.checkpoint.container import JSON
from lumina_cli.core.checkpoint.metadata import BaseFacts
from lumina_cli.core.checkpoint.model_file import ModelFile, load_checkpoint, load_model
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.validation.evaluate import evaluate
from lumina_cli.data.batches import spread_batches
from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.errors import LuminaError, ModelFileError
from lumina_cli.io.folders.run_folder import CHECKPOINTS
from lumina_cli.io.folders.run_names import RUN_SUFFIX, model_of_run
from lumina_cli.io.names import told_path
from lumina_cli.io.shell_word import shell_word
from lumina_cli.recipes.train.compute import Compute
from lumina_cli.settings import Settings
from lumina_cli.tokenizer.registry import vocab_size_of_base

INHERITED = ("trained_on", "lineage", "learnt_from", "sampling", "loss_on", "seed")
"""What of a base model's metadata is asked for when it is fine-tuned."""

EVAL_BATCH_SIZE = 16
"""Windows at once when the base model is evaluated."""


@dataclass(frozen=True, slots=True)
class BaseLoss:
    """The loss of the base model in nats per character, on new text and on text it learnt from.

    None where nothing was measured.
    """

    new: float | None = None
    replay: float | None = None


@dataclass(frozen=True, eq=False)
class Base:
    """The model that a fine-tuned one comes from.

    Args:
        path: of its file.
        digest: of its file.
        vocab_size: how many ids it had; those behind them are new.
        metadata: what of its own is inherited or asked for.
        loss: of the base itself, before anything is learnt.
    """

    path: Path
    digest: str
    vocab_size: int
    metadata: Mapping[str, Any]
    loss: BaseLoss = BaseLoss()

    def facts(self) -> dict[str, JSON]:
        """Return all of it as plain values, for checkpoints."""
        return {
            "path": str(self.path),
            "digest": self.digest,
            "vocab_size": self.vocab_size,
            "metadata": dict(self.metadata),
            "before": {"new": self.loss.new, "kept": self.loss.replay},
        }


def base_of(path: Path, loaded: ModelFile) -> Base:
    """Return what is to be known of a model that was read from `path`."""
    inherited = {name: loaded.metadata[name] for name in INHERITED if name in loaded.metadata}
    return Base(path.absolute(), loaded.digest, loaded.tokenizer.vocab_size, inherited)


def base_from_facts(facts: Mapping[str, Any], *, path: Path) -> Base:
    """Return what a checkpoint at `path` tells of the base of its run."""
    try:
        told = BaseFacts.model_validate(facts)
    except ValidationError as error:
        raise ModelFileError(f"{path} is damaged: it does not tell its base model") from error
    return Base(
        told_path(told.path),
        told.digest,
        vocab_size_of_base(facts),
        dict(facts["metadata"]),
        BaseLoss(told.before.new, told.before.kept),
    )


def evaluate_base(
    loaded: ModelFile,
    settings: Settings,
    *,
    new: TokenDataset,
    replay: Sequence[TokenDataset],
    compute: Compute,
) -> BaseLoss:
    """Return the loss of the base model as it is, on the new text and on what it learnt from."""
    model = loaded.model.to(compute.device)

    def nats(texts: Sequence[TokenDataset]) -> float | None:
        batches = spread_batches(
            texts,
            seq_length=model.config.seq_length,
            batch_size=EVAL_BATCH_SIZE,
            max_chars=settings.of(TrainingConfig).eval_chars,
        )
        evaluation = evaluate(
            model, batches, tokenizer=loaded.tokenizer, precision=compute.precision
        )
        return evaluation.nats_per_char if evaluation.characters else None

    return BaseLoss(new=nats([new]), replay=nats(replay) if replay else None)


def load_base(path: Path) -> ModelFile:
    """Read the model to fine-tune.

    Raises:
        MissingInputError: there is no such file.
        ModelFileError: it is no model of ours, or is damaged.
    """
    try:
        return load_model(path)
    except ModelFileError as error:
        if not _is_checkpoint(path):
            raise
        model = "Model.pth"
        if path.parent.name == CHECKPOINTS and path.parent.parent.suffix == RUN_SUFFIX:
            model = str(model_of_run(path.parent.parent))
        raise ModelFileError(
            f"{path} is a checkpoint of a run, not a model",
            hint=f"Use the model beside the run's folder: --model {shell_word(model)}",
        ) from error


def _is_checkpoint(path: Path) -> bool:
    try:
        load_checkpoint(path)
    except LuminaError:
        return False
    return True
