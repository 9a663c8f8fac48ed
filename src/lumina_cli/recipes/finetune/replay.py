"""Replay: what a model learnt from before, to repeat some of it and measure what is forgotten."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lumina_cli.core.checkpoint.container import JSON
from lumina_cli.core.training.finetune_config import REPLAY_AUTO, REPLAY_OFF, FinetuneConfig
from lumina_cli.data.config import DataConfig
from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.errors import LuminaError
from lumina_cli.io.run_folder import RUN_SUFFIX
from lumina_cli.recipes.data.sources import STARTER, Source, encode_source, open_source
from lumina_cli.recipes.finetune.base import Base
from lumina_cli.recipes.run.saving.validation_sample import read_sample
from lumina_cli.tokenizer.base import Tokenizer

NAME_IT = "name it, or text like it, so that it is not forgotten: --replay PATH"


@dataclass(frozen=True, eq=False)
class ReplayData:
    """Text that was learnt from before.

    Args:
        names: of the files.
        train: texts to repeat.
        validation: texts to measure with.
        notices: what a person should know.
    """

    names: tuple[str, ...] = ()
    train: tuple[TokenDataset, ...] = ()
    validation: tuple[TokenDataset, ...] = ()
    notices: tuple[str, ...] = ()


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
    base: Base, *, config: FinetuneConfig, data: DataConfig, tokenizer: Tokenizer
) -> ReplayData:
    """Return what the base model learnt from, or the text that stands for it.

    Args:
        base: the model.
        config: what to repeat; what is forgotten is measured on the base's own text, or on
            the sample beside it, and on text that was named where neither is left.
        data: how files are read that `config.replay` names.
        tokenizer: of the base, so that the text is what it was for the base.

    Raises:
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
    repeated = _open_records([named], tokenizer=tokenizer)
    return replace(
        repeated,
        validation=found.validation or repeated.validation,
        notices=(*found.notices, *repeated.notices),
    )


def _measured_on_sample(base: Base, found: ReplayData, *, tokenizer: Tokenizer) -> ReplayData:
    """Return the text with the sample beside the base for its validation, if there is one."""
    sample = read_sample(base.path.with_suffix(RUN_SUFFIX), tokenizer=tokenizer)
    if sample is None:
        return found
    kept = "what is forgotten is measured on the sample that is kept beside it"
    return replace(found, validation=(sample,), notices=(*found.notices, kept))


def _open_what_is_there(base: Base, *, tokenizer: Tokenizer) -> ReplayData:
    """Return those of the base's texts that can still be read."""
    texts: list[ReplayData] = []
    notices: list[str] = []
    for each in replay_records(base.metadata):
        try:
            texts.append(_open_records([each], tokenizer=tokenizer))
        except (LuminaError, ValidationError, KeyError, TypeError, ValueError) as error:
            why = error.message if isinstance(error, LuminaError) else "its settings are unknown"
            notices.append(f"a text that {base.path.name} learnt from is not at hand: {why}")
    return ReplayData(
        tuple(name for text in texts for name in text.names),
        tuple(train for text in texts for train in text.train),
        tuple(validation for text in texts for validation in text.validation),
        (*notices, *(notice for text in texts for notice in text.notices)),
    )


def replay_records(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what a model file tells of its texts; older files tell only their names."""
    if records := metadata.get("learnt_from"):
        return list(records)
    names = metadata.get("trained_on")
    if not names:
        return []
    settings = {"loss_on": metadata["loss_on"]} if "loss_on" in metadata else {}
    return [{"paths": names, "settings": settings, "seed": metadata.get("seed", 0)}]


def _open_records(records: Sequence[Mapping[str, Any]], *, tokenizer: Tokenizer) -> ReplayData:
    names: list[str] = []
    train: list[TokenDataset] = []
    validation: list[TokenDataset] = []
    notices: list[str] = []
    for each in records:
        config = DataConfig.model_validate(each["settings"])
        source = open_source([Path(path) for path in each["paths"]], config=config)
        val_paths = [Path(path) for path in each.get("val_paths", [])]
        val_source = open_source(val_paths, config=config) if val_paths else None
        fingerprint = source.fingerprint + (val_source.fingerprint if val_source else "")
        if each.get("fingerprint", fingerprint) != fingerprint:
            where = ", ".join(source.names)
            notices.append(f"{where} has changed since the model learnt from it; it still counts")
        corpus = encode_source(
            source,
            config=config,
            seed=int(each.get("seed", 0)),
            validation=val_source,
            tokenizer=tokenizer,
        )
        names += source.names
        train += [corpus.train] if len(corpus.train) > 1 else []
        validation += [corpus.validation] if corpus.validation_counts.chars else []
    return ReplayData(tuple(names), tuple(train), tuple(validation), tuple(notices))


def _absolute(path: str | Path) -> str:
    return str(Path(path).absolute())
