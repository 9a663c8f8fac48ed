"""What the files of a run tell about it, beside weights and state."""

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from lumina_cli.core.checkpoint.container import JSON
from lumina_cli.core.checkpoint.model_file import Checkpoint
from lumina_cli.core.device import machine_facts
from lumina_cli.core.training.events import Evaluated
from lumina_cli.core.training.state import Snapshot
from lumina_cli.data.config import DataConfig
from lumina_cli.recipes.finetune.replay import lesson, lessons_of
from lumina_cli.recipes.train.job import TrainJob


def model_metadata(task: TrainJob, evaluated: Evaluated) -> dict[str, JSON]:
    """Return what a model file tells of its model: how it came to be, and how good it is."""
    material = task.material
    metadata: dict[str, JSON] = {
        **_made_now(),
        "trained_on": list(material.source.names),
        "train_chars": material.corpus.train_counts.chars,
        "conversations": material.corpus.train_counts.conversations,
        "steps": evaluated.step,
        "loss_on": task.settings.of(DataConfig).loss_on,
        "seed": task.config.seed,
        "optimizer": task.config.optimizer,
        "sampling": dict(_sampling_defaults(task)),
        "learnt_from": _learnt_from(task),
    }
    if task.base is not None:
        metadata["lineage"] = _lineage(task)
    if evaluated.base_loss is not None:
        metadata["kept_nats_per_char"] = evaluated.base_loss
    if evaluated.alpha < 1:
        metadata["share_of_learnt"] = evaluated.alpha
    if evaluated.nats_per_char == evaluated.nats_per_char:  # NaN without validation text
        metadata["val_nats_per_char"] = evaluated.nats_per_char
        metadata["val_accuracy"] = evaluated.accuracy
    return metadata


def is_of_replies(metadata: Mapping[str, object]) -> bool:
    """Whether the quality that a model file tells of counts what the bot says, and no more."""
    return metadata.get("loss_on") == "bot" and bool(metadata.get("conversations"))


def make_checkpoint(task: TrainJob, state: Snapshot) -> Checkpoint:
    """Return a checkpoint of a run: its state, and all that is asked for when it goes on."""
    material = task.material
    metadata: dict[str, Any] = {
        **_made_now(),
        "settings": task.settings.values(),
        "preset": task.settings.preset_name,
        "data": list(material.source.names),
        "val_data": list(map(str, material.val_data)),
        "corpus": material.corpus.key,
        "machine": machine_facts(task.machine.device),
    }
    if task.base is not None:
        metadata["base"] = task.base.facts()
    return Checkpoint(
        model=task.model.config,
        tokenizer=material.corpus.tokenizer,
        metadata=metadata,
        state=state.train_state.model_dump(mode="json"),
        tensors=state.tensors,
    )


def _made_now() -> dict[str, str]:
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "lumina_version": version("lumina-cli"),
    }


def _learnt_from(task: TrainJob) -> list[JSON]:
    """Return what finds all text again that the model has learnt from, the oldest first."""
    material = task.material
    earlier = lessons_of(task.base.metadata) if task.base else []
    latest = lesson(
        material.source,
        val_data=material.val_data,
        fingerprint=material.fingerprint,
        config=task.settings.of(DataConfig),
        seed=task.config.seed,
    )
    return [*(each for each in earlier if each != latest), latest]


def _lineage(task: TrainJob) -> list[JSON]:
    """Return how the model came to be, a line for each time it was fine-tuned."""
    assert task.base is not None
    base, material = task.base, task.material
    return [
        *base.metadata.get("lineage", []),
        {
            "base": base.path.name,
            "base_digest": base.digest,
            "base_trained_on": list(base.metadata.get("trained_on", [])),
            "trained_on": list(material.source.names),
            "data_fingerprint": material.fingerprint,
            "characters_added": material.corpus.tokenizer.added_characters(base.vocab_size),
            "when": _made_now()["created"],
        },
    ]


def _sampling_defaults(task: TrainJob) -> dict[str, str | float]:
    if task.base is not None:
        return dict(task.base.metadata.get("sampling", {}))
    preset = task.settings.preset
    return dict(preset.sampling) if preset and preset.sampling else {}
