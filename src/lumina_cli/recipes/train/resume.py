"""Going on with a run: which checkpoint, and with which settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lumina_cli.core.checkpoint.model_file import Checkpoint, load_checkpoint
from lumina_cli.core.checkpoint.store import BAD_SUFFIX, CheckpointStore, Found, StoreState
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.finetune_config import FinetuneConfig
from lumina_cli.core.training.state import Snapshot, TrainState
from lumina_cli.errors import MissingInputError, ModelFileError, UsageError
from lumina_cli.io.folders.run_folder import CHECKPOINTS, check_folders
from lumina_cli.io.folders.run_names import RUN_SUFFIX, model_of_run, run_folder_of
from lumina_cli.io.names import told_path
from lumina_cli.io.shell_word import shell_word
from lumina_cli.renamed_settings import with_new_names
from lumina_cli.settings import TRAIN_CONFIGS, ConfigType, Settings, resumed_settings
from lumina_cli.tokenizer.base import Tokenizer

FIXED = {
    "hidden_size",
    "num_layers",
    "num_heads",
    "seq_length",
    "position_encoding",
    "optimizer",
    "seed",
    "tokenizer",
    "vocab_size",
    "expand_vocab",
    "max_new_chars",
    "replay",
    "replay_ratio",
    "freeze_layers",
    "lora_rank",
    "lora_alpha",
}
"""Settings that a run can't change on its way: tensors or data would no longer fit."""

MAY_CHANGE = {
    "epochs",
    "max_steps",
    "minutes",
    "save_every",
    "keep_checkpoints",
    "snapshots_mb",
    "patience",
    "num_evals",
    "eval_chars",
}
"""Settings that are meant to be changed when a run goes on, and need no remark."""


@dataclass(frozen=True, eq=False)
class Resumed:
    """A run to go on with.

    Args:
        found: the checkpoint.
        out: the model file of the run that it is of.
        settings: to go on with.
        notices: what a person should know.
        checkpoints: that lay beside it when it was looked for.
    """

    found: Found
    out: Path
    settings: Settings
    notices: tuple[str, ...]
    checkpoints: StoreState = field(default_factory=dict)

    @property
    def metadata(self) -> Mapping[str, Any]:
        return self.found.checkpoint.metadata

    @property
    def learnt(self) -> Mapping[str, Tokenizer]:
        """Its tokenizer by the key of the corpus from which it was learnt."""
        return {str(self.metadata.get("corpus")): self.found.checkpoint.tokenizer}

    @property
    def is_elsewhere(self) -> bool:
        """Whether it goes on under another name than it was begun with."""
        there = run_folder_of(self.out) / CHECKPOINTS
        return self.found.path.parent.resolve() != there.resolve()

    @property
    def data(self) -> list[Path]:
        """What the run was begun with."""
        return [told_path(name) for name in self.metadata.get("data", [])]

    @property
    def val_data(self) -> list[Path]:
        return [told_path(name) for name in self.metadata.get("val_data", [])]


def find_run(
    path: Path | None,
    *,
    out: Path | None,
    default_out: Path,
    flags: Mapping[str, object],
    kinds: Sequence[ConfigType] = TRAIN_CONFIGS,
) -> Resumed:
    """Return the run to go on with.

    Args:
        path: a checkpoint or a run's folder; None for the folder of the model.
        out: the model file, if it was named.
        default_out: the model file otherwise, unless `path` tells.
        flags: settings given on the command line.
        kinds: the configs of the command that begins such runs.

    Raises:
        MissingInputError: there is no checkpoint.
        ModelFileError: the checkpoint named is damaged.
        UsageError: a setting is changed that can't be.
    """
    if path is None:
        path = run_folder_of(out or default_out)
    checkpoints = dict(CheckpointStore(_folder_of(path)).state())
    found = _with_new_names(_find_checkpoint(path))
    for bad in found.quarantined:
        checkpoints.pop(bad.name.removesuffix(BAD_SUFFIX), None)
    facts = found.checkpoint.metadata
    saved, preset = facts.get("settings"), facts.get("preset")
    if not isinstance(saved, dict):
        raise ModelFileError(f"{found.path} is damaged: it has no settings")
    _check_command(facts, kinds=kinds, path=found.path)
    _check_saved(found, saved, kinds=kinds)
    settings = resumed_settings(kinds, saved=saved, preset=preset, flags=flags)
    notices = [f"{bad.name} is quarantined: it is damaged" for bad in found.quarantined]
    notices += _later_checkpoints(found.path)
    notices += _changed_settings(saved, settings)
    out = out or _model_of(found.path, default_out)
    return Resumed(found, out, settings, tuple(notices), checkpoints)


def _with_new_names(found: Found) -> Found:
    """Return a checkpoint with the names that its settings have now."""
    checkpoint = found.checkpoint
    if not isinstance(checkpoint.metadata.get("settings"), dict):
        raise ModelFileError(f"{found.path} is damaged: it has no settings")
    try:
        settings = with_new_names(checkpoint.metadata["settings"])
    except ValueError as error:
        raise ModelFileError(f"{found.path} is damaged: {error}") from error
    return replace(
        found,
        checkpoint=replace(checkpoint, metadata={**checkpoint.metadata, "settings": settings}),
    )


def _check_saved(found: Found, saved: Mapping[str, object], *, kinds: Sequence[ConfigType]) -> None:
    """Refuse settings that can't be, or tell of another model than the one that is there."""
    try:
        shape = resumed_settings(kinds, saved=saved, preset=None, flags={}).of(ModelConfig)
    except UsageError as error:
        why = f"{found.path} is damaged: its settings can't be: {error}"
        raise ModelFileError(why) from error
    held = found.checkpoint.model
    if shape.model_copy(update={"dropout": held.dropout}) != held:
        raise ModelFileError(f"{found.path} is damaged: its settings are of another model")


def command_of(facts: Mapping[str, Any]) -> str:
    """Return the command that began the run of a checkpoint."""
    return "finetune" if "base" in facts else "train"


def _check_command(facts: Mapping[str, Any], *, kinds: Sequence[ConfigType], path: Path) -> None:
    """Refuse to go on with a run that the other command began."""
    command = command_of(facts)
    if (command == "finetune") != (FinetuneConfig in kinds):
        raise UsageError(
            f"{path} is of a run of `lumina {command}`",
            hint=f"Go on with it: lumina {command} --resume {shell_word(path)}",
        )


def trainer_state(checkpoint: Checkpoint, *, path: Path) -> Snapshot:
    """Return the state of the trainer that a checkpoint holds."""
    try:
        return Snapshot(TrainState.model_validate(checkpoint.state), checkpoint.tensors)
    except ValidationError as error:
        raise ModelFileError(f"{path} is damaged: its counters are wrong") from error


def rescale_position(
    state: TrainState, *, saved: Mapping[str, Any], windows_per_step: int
) -> TrainState:
    """Return the state with the batch index in batches of the size they have now."""
    sizes = {name: saved.get(name, 1) for name in ("batch_size", "grad_accum")}
    before = TrainingConfig.model_validate(sizes).windows_per_step
    if before == windows_per_step:
        return state
    index = state.batch_index * before // windows_per_step
    return state.model_copy(update={"batch_index": index, "is_epoch_over": False})


def has_other_limits(resumed: Resumed, config: TrainingConfig) -> bool:
    """Return whether the run was to end elsewhere, or to be measured more or less often."""
    saved = resumed.metadata["settings"]
    limits = ("epochs", "max_steps", "minutes", "num_evals")
    return any(saved.get(name) != getattr(config, name) for name in limits)


def _find_checkpoint(path: Path) -> Found:
    if _is_checkpoint(path):
        return Found(load_checkpoint(path), path)
    folder = _folder_of(path)
    if not folder.is_dir():
        raise MissingInputError(
            f"there is no run to go on with: no folder {path}",
            hint="The same command without --resume begins one.",
        )
    if folder != path:
        check_folders(path)  # damaged ones are renamed
    return CheckpointStore(folder).newest()


def _is_checkpoint(path: Path) -> bool:
    return path.suffix == ".pth" and not path.is_dir()


def _folder_of(path: Path) -> Path:
    """Return the folder of the checkpoints that a path names one of, or a run with."""
    if _is_checkpoint(path):
        return path.parent
    return path / CHECKPOINTS if (path / CHECKPOINTS).is_dir() else path


def _model_of(checkpoint: Path, default: Path) -> Path:
    """Return the model beside whose folder a checkpoint lies."""
    run = checkpoint.parent.parent
    if checkpoint.parent.name == CHECKPOINTS and run.suffix == RUN_SUFFIX:
        return model_of_run(run)
    return default


def _later_checkpoints(path: Path) -> list[str]:
    """Tell of checkpoints that the run will leave behind, where an older one was named."""
    store = CheckpointStore(path.parent)
    later = [step for step in store.steps() if path < store.path_of(step)]
    if not later or path not in map(store.path_of, store.steps()):
        return []
    steps = ", ".join(map(str, reversed(later)))
    return [
        f"going back to {path.name}: checkpoints of later steps ({steps}) go with the next save"
    ]


def _changed_settings(saved: Mapping[str, object], settings: Settings) -> list[str]:
    notices = []
    for name, value in settings.values().items():
        if name not in saved or saved[name] == value or name in MAY_CHANGE:
            continue
        if name in FIXED:
            raise UsageError(
                f"{name} is {saved[name]} in the checkpoint and can't become {value}",
                hint="Leave it out to go on, or begin anew without --resume.",
            )
        notices.append(f"{name} is {value} from here on; it was {saved[name]}")
    return notices
