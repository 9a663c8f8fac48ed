"""Replay: what a model learnt from before, to repeat some of it and measure what is forgotten.

A model file or checkpoint that somebody else made can name any file of the user as its text. So
what it names is read only where its fingerprint is the one that the file tells: who can tell that,
has the text already. Text that the user names is read whatever it is.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lumina_cli.core.checkpoint.container import JSON
from lumina_cli.core.training.finetune_config import REPLAY_AUTO, REPLAY_OFF, FinetuneConfig
from lumina_cli.data.config import DataConfig
from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.errors import DataError, LuminaError
from lumina_cli.io.folders.run_names import run_folder_of
from lumina_cli.io.names import told_path
from lumina_cli.io.shell_word import shell_word
from lumina_cli.recipes.data.sources import STARTER, Source, encode_source, open_source
from lumina_cli.recipes.finetune.base import Base
from lumina_cli.recipes.run.saving.validation_sample import read_sample
from lumina_cli.tokenizer.base import Tokenizer

REPLAY_FINGERPRINT = "replay_fingerprint"
"""In a checkpoint: of text that `--replay` named."""

MOST_FILES = 20_000
"""In folders that a model file names; beyond, they are not even looked through."""

NAME_IT = "name it, or text like it, so that it is not forgotten: --replay PATH"


@dataclass(frozen=True, eq=False)
class ReplayData:
    """Text that was learnt from before.

    Args:
        names: of the files.
        train: texts to repeat.
        validation: texts to measure with.
        notices: what a person should know.
        fingerprint: of text that was named, to find it unchanged when the run goes on.
    """

    names: tuple[str, ...] = ()
    train: tuple[TokenDataset, ...] = ()
    validation: tuple[TokenDataset, ...] = ()
    notices: tuple[str, ...] = ()
    fingerprint: str = ""


def replay_record(
    source: Source, *, val_data: Sequence[Path], fingerprint: str, config: DataConfig, seed: int
) -> dict[str, JSON]:
    """Return what a model file tells of its text, so that it can be found again."""
    return {
        "paths": [STARTER] if source.is_starter else [_absolute(name) for name in source.names],
        "val_paths": [_absolute(path) for path in val_data],
        "fingerprint": fingerprint,
        "settings": config.model_dump(mode="json"),
        "seed": seed,
    }


def find_replay_data(
    base: Base,
    *,
    config: FinetuneConfig,
    data: DataConfig,
    tokenizer: Tokenizer,
    told_fingerprint: str | None = None,
) -> ReplayData:
    """Return what the base model learnt from, or the text that stands for it.

    Args:
        base: the model.
        config: what to repeat; what is forgotten is measured on the base's own text, or on
            the sample beside it, and on text that was named where neither is left.
        data: how files are read that `config.replay` names.
        tokenizer: of the base, so that the text is what it was for the base.
        told_fingerprint: of the text that `config.replay` names, where a checkpoint names it and
            not the user.

    Raises:
        DataError: the text that a checkpoint names is not what its run repeated.
        LuminaError: text that was named can't be read.
    """
    found = _open_what_is_there(base, tokenizer=tokenizer)
    if not found.validation:
        found = _measured_on_sample(base, found, tokenizer=tokenizer)
    if config.replay == REPLAY_OFF:
        return found
    if config.replay == REPLAY_AUTO:
        nothing = found.notices and not found.train
        return replace(found, notices=(*found.notices, NAME_IT)) if nothing else found
    named = {
        "paths": [config.replay],
        "settings": data.model_dump(mode="json"),
        "seed": base.metadata.get("seed", 0),  # text that the base read is split as it was
    }
    text = _open_text(named)
    if not _is_meant(config.replay, text.fingerprint, told=told_fingerprint):
        raise DataError(
            f"{config.replay} is not, or can't be told to be, the old text that this run repeats",
            hint=f"If you mean that text, name it: --replay {shell_word(config.replay)}",
        )
    repeated = _encode_text(text, tokenizer=tokenizer)
    return replace(
        repeated,
        validation=found.validation or repeated.validation,
        notices=(*found.notices, *repeated.notices),
        fingerprint=text.fingerprint,
    )


def _measured_on_sample(base: Base, found: ReplayData, *, tokenizer: Tokenizer) -> ReplayData:
    """Return the text with the sample beside the base for its validation, if there is one."""
    sample = read_sample(run_folder_of(base.path), tokenizer=tokenizer)
    if sample is None:
        return found
    kept = "what is forgotten is measured on the sample that is kept beside it"
    return replace(found, validation=(sample,), notices=(*found.notices, kept))


def _open_what_is_there(base: Base, *, tokenizer: Tokenizer) -> ReplayData:
    """Return those of the base's texts that can still be read, and are what they were."""
    texts, errors = open_learnt_texts(base.metadata, tokenizer=tokenizer)
    return ReplayData(
        tuple(name for text in texts for name in text.names),
        tuple(train for text in texts for train in text.train),
        tuple(validation for text in texts for validation in text.validation),
        tuple(
            f"a text that {base.path.name} learnt from is not at hand: {error.message}"
            + (f" ({error.hint})" if isinstance(error, NotReadError) else "")
            for error in errors
        ),
    )


class NotReadError(DataError):
    """Text that a model file names, and that is left unread."""


def open_learnt_texts(
    metadata: Mapping[str, Any], *, tokenizer: Tokenizer
) -> tuple[list[ReplayData], list[LuminaError]]:
    """Return the texts that a model learnt from, and why others can't be read any more.

    Args:
        metadata: of the model file.
        tokenizer: of the model.
    """
    texts: list[ReplayData] = []
    errors: list[LuminaError] = []
    for each in replay_records(metadata):
        try:
            texts.append(_encode_text(_open_own_text(each), tokenizer=tokenizer))
        except LuminaError as error:
            errors.append(error)
        except (ValidationError, KeyError, TypeError, ValueError):
            errors.append(DataError("its settings are unknown"))
    return texts, errors


def replay_records(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what a model file tells of its texts; older files tell only their names."""
    if records := metadata.get("learnt_from"):
        return list(records)
    names = metadata.get("trained_on")
    if not names:
        return []
    settings = {"loss_on": metadata["loss_on"]} if "loss_on" in metadata else {}
    return [{"paths": names, "settings": settings, "seed": metadata.get("seed", 0)}]


@dataclass(frozen=True, slots=True)
class _Text:
    """A text that was opened, and how it is to be read."""

    source: Source
    validation: Source | None
    config: DataConfig
    seed: int

    @property
    def fingerprint(self) -> str:
        own = self.validation.fingerprint if self.validation else ""
        return self.source.fingerprint + own


def _open_own_text(record: Mapping[str, Any]) -> _Text:
    """Open the text that a model file names.

    Raises:
        DataError: it is not what the model file says, or that can't be told.
    """
    paths = [*record["paths"], *record.get("val_paths", [])]
    if paths == [STARTER]:
        return _open_text(record)
    where = ", ".join(paths)
    if not record.get("fingerprint"):
        raise _not_read(where, "the model file does not tell what was in it")
    if any(_is_remote(path) for path in paths):
        raise _not_read(where, "it lies on another machine")
    if _num_files(paths) > MOST_FILES:
        raise _not_read(where, f"it is more than {MOST_FILES:,} files")
    text = _open_text(record)
    if record["fingerprint"] != text.fingerprint:
        raise _not_read(where, "it has changed since, or the model never learnt from it")
    return text


def _not_read(where: str, why: str) -> NotReadError:
    path = where.partition(", ")[0]
    return NotReadError(
        f"{where} is not read: {why}",
        hint=f"to repeat it all the same: --replay {shell_word(path)}",
    )


def _is_meant(path: str, fingerprint: str, *, told: str | None) -> bool:
    """Whether text is what a checkpoint says that its run repeats.

    None says that the user named it. Older checkpoints tell no fingerprint: then it is to lie
    in the current folder.
    """
    if told:
        return told == fingerprint
    return told is None or Path(path).resolve().is_relative_to(Path.cwd().resolve())


def _is_remote(path: str) -> bool:
    """Whether only to look for a path asks another machine, as Windows does with names."""
    return path.startswith(("\\\\", "//"))


def _num_files(paths: Sequence[str]) -> int:
    """Return how many files lie under some paths; no more are counted than matter."""
    number = 0
    for path in paths:
        for _, _, files in os.walk(path):
            number += 1 + len(files)
            if number > MOST_FILES:
                return number
    return number


def _open_text(record: Mapping[str, Any]) -> _Text:
    config = DataConfig.model_validate(record["settings"])
    source = open_source([told_path(path) for path in record["paths"]], config=config)
    val_paths = [told_path(path) for path in record.get("val_paths", [])]
    validation = open_source(val_paths, config=config) if val_paths else None
    return _Text(source, validation, config, int(record.get("seed", 0)))


def _encode_text(text: _Text, *, tokenizer: Tokenizer) -> ReplayData:
    corpus = encode_source(
        text.source,
        config=text.config,
        seed=text.seed,
        validation=text.validation,
        tokenizer=tokenizer,
    )
    return ReplayData(
        text.source.names,
        (corpus.train,) if len(corpus.train) > 1 else (),
        (corpus.validation,) if corpus.validation_counts.chars else (),
    )


def _absolute(path: str | Path) -> str:
    return str(Path(path).absolute())
