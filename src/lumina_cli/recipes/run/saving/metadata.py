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
from lumina_cli.recipes.finetune.replay import REPLAY_FINGERPRINT, replay_record, replay_records
from lumina_cli.recipes.train.job import TrainJob


def model_metadata(job: TrainJob, evaluated: Evaluated) -> dict[str, JSON]:
    """Return what a model file tells of its model: how it came to be, and how good it is."""
    metadata = snapshot_metadata(job, step=evaluated.step)
    if evaluated.base_loss is not None:
        metadata["kept_nats_per_char"] = evaluated.base_loss
    if evaluated.alpha < 1:
        metadata["share_of_learnt"] = evaluated.alpha
    if evaluated.nats_per_char == evaluated.nats_per_char:  # NaN without validation text
        metadata["val_nats_per_char"] = evaluated.nats_per_char
        metadata["val_accuracy"] = evaluated.accuracy
    return metadata


def snapshot_metadata(job: TrainJob, *, step: int) -> dict[str, JSON]:
    """Return what a model file tells of how its model came to be."""
    training_data = job.data
    metadata: dict[str, JSON] = {
        **_made_now(),
        "trained_on": list(training_data.source.names),
        "train_chars": training_data.corpus.train_counts.chars,
        "conversations": training_data.corpus.train_counts.conversations,
        "steps": step,
        "loss_on": job.settings.of(DataConfig).loss_on,
        "seed": job.config.seed,
        "optimizer": job.config.optimizer,
        "sampling": dict(_sampling_defaults(job)),
        "learnt_from": _learnt_from(job),
    }
    if job.base is not None:
        metadata["lineage"] = _lineage(job)
    return metadata


def is_of_replies(metadata: Mapping[str, object]) -> bool:
    """Whether the quality that a model file tells of counts what the bot says, and no more."""
    if "of_replies" in metadata:  # an export that tells no more of the text
        return metadata["of_replies"] is True
    return metadata.get("loss_on") == "bot" and bool(metadata.get("conversations"))


def make_checkpoint(job: TrainJob, state: Snapshot) -> Checkpoint:
    """Return a checkpoint of a run: its state, and all that is asked for when it goes on."""
    training_data = job.data
    metadata: dict[str, Any] = {
        **_made_now(),
        "settings": job.settings.values(),
        "preset": job.settings.preset_name,
        "data": list(training_data.source.names),
        "val_data": list(map(str, training_data.val_data)),
        "corpus": training_data.corpus.key,
        "machine": machine_facts(job.compute.device),
    }
    if job.base is not None:
        metadata["base"] = job.base.facts()
        if job.replay_data.fingerprint:
            metadata[REPLAY_FINGERPRINT] = job.replay_data.fingerprint
    return Checkpoint(
        model=job.model.config,
        tokenizer=training_data.corpus.tokenizer,
        metadata=metadata,
        state=state.train_state.model_dump(mode="json"),
        tensors=state.tensors,
    )


def _made_now() -> dict[str, str]:
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "lumina_version": version("lumina-cli"),
    }


def _learnt_from(job: TrainJob) -> list[JSON]:
    """Return what finds all text again that the model has learnt from, the oldest first."""
    training_data = job.data
    earlier = replay_records(job.base.metadata) if job.base else []
    latest = replay_record(
        training_data.source,
        val_data=training_data.val_data,
        fingerprint=training_data.fingerprint,
        config=job.settings.of(DataConfig),
        seed=job.config.seed,
    )
    return [*(each for each in earlier if each != latest), latest]


def _lineage(job: TrainJob) -> list[JSON]:
    """Return how the model came to be, a line for each time it was fine-tuned."""
    assert job.base is not None
    base, training_data = job.base, job.data
    return [
        *base.metadata.get("lineage", []),
        {
            "base": base.path.name,
            "base_digest": base.digest,
            "base_trained_on": list(base.metadata.get("trained_on", [])),
            "trained_on": list(training_data.source.names),
            "data_fingerprint": training_data.fingerprint,
            "characters_added": training_data.corpus.tokenizer.added_characters(base.vocab_size),
            "when": _made_now()["created"],
        },
    ]


def _sampling_defaults(job: TrainJob) -> dict[str, str | float]:
    if job.base is not None:
        return dict(job.base.metadata.get("sampling", {}))
    preset = job.settings.preset
    return dict(preset.sampling) if preset and preset.sampling else {}
