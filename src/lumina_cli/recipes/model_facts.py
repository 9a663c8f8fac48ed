"""What the files of a run tell about it, beside weights and state."""

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from lumina_cli.core.checkpoint.format import Checkpoint
from lumina_cli.core.checkpoint.sealed import JSON
from lumina_cli.core.device import machine_facts
from lumina_cli.core.training.events import Evaluated
from lumina_cli.core.training.state import TrainerState
from lumina_cli.data.config import DataConfig
from lumina_cli.recipes.task import Task


def model_metadata(task: Task, evaluated: Evaluated) -> dict[str, JSON]:
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
        "sampling": dict(_sampling_defaults(task)),
    }
    if evaluated.nats_per_char == evaluated.nats_per_char:  # NaN without validation text
        metadata["val_nats_per_char"] = evaluated.nats_per_char
        metadata["val_accuracy"] = evaluated.accuracy
    return metadata


def is_of_replies(metadata: Mapping[str, object]) -> bool:
    """Whether the quality that a model file tells of counts what the bot says, and no more."""
    return metadata.get("loss_on") == "bot" and bool(metadata.get("conversations"))


def make_checkpoint(task: Task, state: TrainerState) -> Checkpoint:
    """Return a checkpoint of a run: its state, and all that is asked for when it goes on."""
    material = task.material
    facts: dict[str, Any] = {
        **_made_now(),
        "settings": task.settings.values(),
        "preset": task.settings.preset_name,
        "data": list(material.source.names),
        "val_data": list(map(str, material.val_data)),
        "corpus": material.corpus.key,
        "machine": machine_facts(task.machine.device),
    }
    return Checkpoint(
        model=task.model.config,
        characters=material.corpus.vocabulary.characters,
        facts=facts,
        values=state.counters.model_dump(mode="json"),
        tensors=state.tensors,
    )


def _made_now() -> dict[str, str]:
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "lumina_version": version("lumina-cli"),
    }


def _sampling_defaults(task: Task) -> dict[str, str | float]:
    preset = task.settings.preset
    return dict(preset.sampling) if preset and preset.sampling else {}
