"""What a model file and a training checkpoint hold, and how each is checked.

Both are sealed files (see `container`): the shape of the model, its tokenizer, and tensors.
A checkpoint holds beside the weights everything else that a run needs to go on to the bit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import ValidationError
from torch import Tensor

from lumina_cli.core.checkpoint.container import (
    JSON,
    Container,
    Header,
    read_container,
    write_container,
)
from lumina_cli.core.checkpoint.file_errors import damaged, of_another_version
from lumina_cli.core.checkpoint.metadata import ModelMetadata, RunMetadata, check_metadata
from lumina_cli.core.checkpoint.plain_values import is_json
from lumina_cli.core.checkpoint.rounding import (
    ROUNDINGS,
    Rounding,
    round_weights,
    widen_weights,
)
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.memory_estimate import weight_shapes
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.errors import DataError, NotFiniteError
from lumina_cli.renamed_settings import with_new_names
from lumina_cli.tokenizer.base import NewerTokenizerError, Tokenizer
from lumina_cli.tokenizer.registry import tokenizer_from_characters, tokenizer_from_json

MODEL_FORMAT = "lumina-model"
CHECKPOINT_FORMAT = "lumina-checkpoint"
VERSION = 3
WITHOUT_DRAFT, WITH_DRAFT = 1, 2
"""Older versions, which name characters where there is a tokenizer now: of a model file without
and with statistics of its training text. One of version 3 has them or not."""

ROUNDED_VERSION = 4
"""Of a model file whose weights are stored in fewer bits; its header names the `rounding`."""

VERSIONS = (WITHOUT_DRAFT, WITH_DRAFT, VERSION, ROUNDED_VERSION)
CHECKPOINT_VERSIONS = (WITHOUT_DRAFT, WITH_DRAFT, VERSION)

ROUNDING = "rounding"
DRAFT = "draft"
"""The name of these statistics among the tensors: pairs of 16-bit numbers as bytes."""

MAX_DRAFT_BYTES = 1 << 20
WEIGHTS = "model/"
"""In a checkpoint the names of the model's weights begin with this."""


NgramTable = npt.NDArray[np.uint16]
"""Statistics of the training text, (slots, 2); the second of a pair is an id."""


@dataclass(frozen=True, eq=False)
class ModelFile:
    """A model and all that is known of it; `draft` where the file has one."""

    model: Transformer
    tokenizer: Tokenizer
    metadata: dict[str, Any]
    digest: str
    draft: NgramTable | None = None


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A training run at one moment.

    Args:
        model: the shape.
        tokenizer: that of the model.
        metadata: what the run is: settings, data, machine.
        state: of the trainer, as far as it is plain numbers.
        tensors: the state that is tensors; the weights are named `model/…`.
    """

    model: ModelConfig
    tokenizer: Tokenizer
    metadata: dict[str, Any]
    state: dict[str, Any]
    tensors: dict[str, Tensor]


def save_model(
    path: Path,
    *,
    model: Transformer,
    tokenizer: Tokenizer,
    metadata: Mapping[str, JSON],
    draft: NgramTable | None = None,
    rounding: Rounding | None = None,
) -> str:
    """Write a model file, whole or not at all, and return its digest.

    Args:
        path: of the file.
        model: whose weights to write.
        tokenizer: that of the model.
        metadata: what else is known of it.
        draft: statistics of the training text, at most `MAX_DRAFT_BYTES` of them.
        rounding: how weights are stored in fewer bits; None for fp32.

    Raises:
        NotFiniteError: a weight is not finite; nothing is written.
        OutputError: there is no such folder, or it can't be written to.
        StorageError: the disk is full or fails.
    """
    assert tokenizer.vocab_size == model.vocab_size, (tokenizer.vocab_size, model.vocab_size)
    tensors = model.state_dict()
    if rounding is not None:
        tensors = round_weights(tensors, rounding)
    check_finite(tensors)
    header: Header = {
        "format": MODEL_FORMAT,
        "version": VERSION if rounding is None else ROUNDED_VERSION,
        **({} if rounding is None else {ROUNDING: rounding}),
        "model": model.config.model_dump(mode="json"),
        "tokenizer": tokenizer.to_json(),
        "metadata": dict(metadata),
    }
    if draft is not None:
        assert draft.nbytes <= MAX_DRAFT_BYTES, draft.nbytes
        tensors[DRAFT] = torch.from_numpy(draft.astype("<u2").reshape(-1).view(np.uint8))
    return write_container(path, header=header, tensors=tensors)


def load_model(path: Path, *, device: torch.device | str = "cpu") -> ModelFile:
    """Read a model file, in evaluation mode.

    Raises:
        MissingInputError: there is no such file.
        ModelFileError: it is not a model of ours, or is damaged.
    """
    container = read_container(path, kind=MODEL_FORMAT, versions=VERSIONS)
    config = _declared_shape(container.header, path=path)
    tokenizer = _tokenizer(container.header, path=path)
    draft = _take_draft(container, tokenizer=tokenizer, path=path)
    weights = _widened(container, config=config, tokenizer=tokenizer, path=path)
    _check_weights(weights, config=config, tokenizer=tokenizer, path=path)
    _refuse_not_finite(weights, path=path)
    metadata = _object(container.header, "metadata", path=path)
    check_metadata(metadata, ModelMetadata, path=path)
    model = Transformer(config, vocab_size=tokenizer.vocab_size)
    model.load_state_dict(weights)
    return ModelFile(model.to(device).eval(), tokenizer, metadata, container.digest, draft)


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, whole or not at all.

    Raises:
        NotFiniteError: a number in it is not finite; nothing is written.
        OutputError, StorageError: as `save_model` does.
    """
    check_finite(checkpoint.tensors)
    if not is_json(checkpoint.state):
        raise NotFiniteError("a counter is not finite")
    header: Header = {
        "format": CHECKPOINT_FORMAT,
        "version": VERSION,
        "model": checkpoint.model.model_dump(mode="json"),
        "tokenizer": checkpoint.tokenizer.to_json(),
        "metadata": checkpoint.metadata,
        "state": checkpoint.state,
    }
    write_container(path, header=header, tensors=checkpoint.tensors)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        MissingInputError: there is no such file.
        ModelFileError: it is not a checkpoint of ours, or is damaged.
    """
    container = read_container(path, kind=CHECKPOINT_FORMAT, versions=CHECKPOINT_VERSIONS)
    config = _declared_shape(container.header, path=path)
    tokenizer = _tokenizer(container.header, path=path)
    weights = {
        name.removeprefix(WEIGHTS): tensor
        for name, tensor in container.tensors.items()
        if name.startswith(WEIGHTS)
    }
    _check_weights(weights, config=config, tokenizer=tokenizer, path=path)
    names = ("facts", "values") if _is_old(container.header) else ("metadata", "state")
    metadata, state = (_object(container.header, name, path=path) for name in names)
    check_metadata(metadata, RunMetadata, path=path)
    _refuse_not_finite(container.tensors, path=path)
    return Checkpoint(config, tokenizer, metadata, state, container.tensors)


def check_finite(tensors: Mapping[str, Tensor]) -> None:
    """Raise NotFiniteError where a number is infinite or not one at all."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise NotFiniteError(f"{name} holds numbers that are not finite")


def _refuse_not_finite(tensors: Mapping[str, Tensor], *, path: Path) -> None:
    try:
        check_finite(tensors)
    except NotFiniteError as error:
        raise damaged(path, error.message) from error


def _is_old(header: Header) -> bool:
    return header["version"] in (WITHOUT_DRAFT, WITH_DRAFT)


def _tokenizer(header: Header, *, path: Path) -> Tokenizer:
    try:
        if _is_old(header):
            return tokenizer_from_characters(header.get("characters"))
        return tokenizer_from_json(header.get("tokenizer"))
    except NewerTokenizerError as error:
        raise of_another_version(path, error.message, header=header, is_newer=True) from error
    except DataError as error:
        raise damaged(path, f"it has no tokenizer that could be used: {error.message}") from error


def _declared_shape(header: Header, *, path: Path) -> ModelConfig:
    try:
        shape = with_new_names(header.get("model"))
    except ValueError as error:
        raise damaged(path, str(error)) from error
    unknown = sorted(shape.keys() - ModelConfig.model_fields) if isinstance(shape, dict) else []
    if unknown:
        why = f"this one knows no {unknown[0]!r}"
        raise of_another_version(path, why, header=header, is_newer=True)
    try:
        return ModelConfig.model_validate(shape)
    except ValidationError as error:
        raise damaged(path, "the model shape it declares is impossible") from error


def _take_draft(container: Container, *, tokenizer: Tokenizer, path: Path) -> NgramTable | None:
    """Take the statistics out of the tensors, if they belong there and name no id beyond V."""
    version = container.header["version"]
    if version == WITHOUT_DRAFT or (version != WITH_DRAFT and DRAFT not in container.tensors):
        return None
    flat = container.tensors.pop(DRAFT, None)
    if (
        flat is None
        or flat.dtype != torch.uint8
        or flat.dim() != 1
        or len(flat) % 4
        or len(flat) > MAX_DRAFT_BYTES
    ):
        raise damaged(path, "its statistics of the text do not have the shape they should")
    table = flat.numpy().view("<u2").reshape(-1, 2).astype(np.uint16)
    if int(table[:, 1].max(initial=0)) >= tokenizer.vocab_size:
        raise damaged(path, "its statistics name ids that the model does not have")
    return table


def _widened(
    container: Container, *, config: ModelConfig, tokenizer: Tokenizer, path: Path
) -> dict[str, Tensor]:
    """Return the weights in fp32, however they are stored."""
    if container.header["version"] != ROUNDED_VERSION:
        return container.tensors
    rounding = container.header.get(ROUNDING)
    if rounding not in ROUNDINGS:
        raise damaged(path, "its weights are stored in no way that it names")
    shapes = weight_shapes(config, vocab_size=tokenizer.vocab_size)
    try:
        return widen_weights(container.tensors, rounding, shapes=shapes)
    except ValueError as error:
        raise damaged(path, "its weights are not those of the shape it declares") from error


def _check_weights(
    weights: Mapping[str, Tensor], *, config: ModelConfig, tokenizer: Tokenizer, path: Path
) -> None:
    """Refuse weights that are not those of the declared shape."""
    expected = weight_shapes(config, vocab_size=tokenizer.vocab_size)
    if weights.keys() != expected.keys():
        raise damaged(path, "its weights are not those of the shape it declares")
    for name, tensor in weights.items():
        if tensor.shape != expected[name] or tensor.dtype != torch.float32:
            raise damaged(path, f"{name} does not have the shape it declares")


def _object(header: Header, name: str, *, path: Path) -> dict[str, Any]:
    found = header.get(name)
    if type(found) is not dict:
        raise damaged(path, f"it has no {name}")
    return found
