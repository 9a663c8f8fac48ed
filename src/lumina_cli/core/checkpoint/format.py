"""Model files: tensors and plain JSON values, sealed, and read without trust.

A `.pth` is the zip that `torch.save` writes. Two digests guard it:

- the seal, in the zip's comment: SHA-256 of every other byte of the file. One flipped
  bit anywhere, padding included, or a missing byte, and the file is refused before torch
  looks at it.
- the digest, inside: SHA-256 of the canonical content (JSON with sorted keys, then each
  tensor's name, dtype, shape and bytes). It names the model, however it is packed.

Neither proves who made a file. What protects the reader from its maker is that nothing
but `weights_only=True` unpickles it, that the zip may hold only stored members whose
sizes add up, and that every tensor is one the declared shape asks for, finite and whole.
"""

import hashlib
import io
import json
import os
import secrets
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from lumina_cli.core.model.accounting import weight_shapes
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.errors import (
    DataError,
    MissingInputError,
    ModelFileError,
    OutputError,
    StorageError,
)
from lumina_cli.tokenizer.vocabulary import Vocabulary

FORMAT = "lumina-model"
VERSION = 1
SEAL_PREFIX = b"lumina-sha256:"
_SEAL_BYTES = len(SEAL_PREFIX) + 64
_END_OF_ZIP = b"PK\x05\x06"
_END_RECORD_BYTES = 22

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]


@dataclass(frozen=True, eq=False)
class ModelFile:
    """A model and all that is known of it."""

    model: Transformer
    vocabulary: Vocabulary
    metadata: dict[str, Any]
    digest: str


def save_model(
    path: Path, *, model: Transformer, vocabulary: Vocabulary, metadata: Mapping[str, JSON]
) -> str:
    """Write a model file, whole or not at all, and return its digest.

    Raises:
        OutputError: there is no such folder, or it can't be written to.
        StorageError: the disk is full or fails.
    """
    assert len(vocabulary) == model.vocab_size, (len(vocabulary), model.vocab_size)
    header: dict[str, JSON] = {
        "format": FORMAT,
        "version": VERSION,
        "model": model.config.model_dump(mode="json"),
        "characters": vocabulary.characters,
        "metadata": dict(metadata),
    }
    weights = {name: t.detach().cpu().contiguous() for name, t in model.state_dict().items()}
    assert _is_json(header), "metadata is plain JSON"
    digest = content_digest(header, weights)
    buffer = io.BytesIO()
    torch.save({**header, "weights": weights, "digest": digest}, buffer)
    write_atomically(path, _seal(buffer.getvalue()))
    return digest


def load_model(path: Path, *, device: torch.device | str = "cpu") -> ModelFile:
    """Read a model file, in evaluation mode.

    Raises:
        MissingInputError: there is no such file.
        ModelFileError: it is not a model of ours, or is damaged.
    """
    content = read_sealed(path)
    header, weights, digest = _take_apart(content, path=path)
    if content_digest(header, weights) != digest:
        raise _damaged(path, "its content does not match its digest")
    config, vocabulary = _declared_shape(header, path=path)
    expected = weight_shapes(config, vocab_size=len(vocabulary))
    _check_weights(weights, expected=expected, path=path)
    model = Transformer(config, vocab_size=len(vocabulary))
    model.load_state_dict(weights)
    metadata = header["metadata"]
    assert isinstance(metadata, dict)
    return ModelFile(model.to(device).eval(), vocabulary, metadata, digest)


def content_digest(header: Mapping[str, JSON], tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of plain values and tensors, in a form that packing can't change."""
    sha = hashlib.sha256(json.dumps(header, sort_keys=True, ensure_ascii=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        sha.update(f"\n{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        sha.update(tensor.numpy().tobytes())
    return sha.hexdigest()


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path`: the old file stands until the new one is safe on disk."""
    if not path.parent.is_dir():
        raise OutputError(f"folder {path.parent} does not exist", hint="Create it, or use: --out")
    staging = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        file = staging.open("xb")
    except OSError as error:
        raise OutputError(f"{path} can't be written: {error.strerror}") from error
    try:
        with file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        staging.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise StorageError(f"{path} can't be written: {error.strerror}") from error
    finally:
        staging.unlink(missing_ok=True)


def read_sealed(path: Path) -> dict[str, Any]:
    """Return what a sealed file holds, once its bytes are known to be whole."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise MissingInputError(
            f"there is no model at {path}",
            hint="Train one: lumina train --preset demo. Or point to one: --model FILE",
        ) from None
    except OSError as error:
        raise MissingInputError(f"{path} can't be read: {error.strerror}") from error
    _check_seal(data, path=path)
    _check_zip(data, path=path)
    try:
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a forged pickle makes the unpickler say
        raise _damaged(path, "torch can't read it") from error
    if not isinstance(content, dict):
        raise _damaged(path, "it does not hold what a model file does")
    return content


def _seal(data: bytes) -> bytes:
    """Append the seal as the zip's comment."""
    end = data[-_END_RECORD_BYTES:]
    assert end.startswith(_END_OF_ZIP), "torch.save wrote a zip with a comment"
    data = data[:-2] + _SEAL_BYTES.to_bytes(2, "little")
    return data + SEAL_PREFIX + hashlib.sha256(data).hexdigest().encode()


def _check_seal(data: bytes, *, path: Path) -> None:
    if not data.startswith(b"PK\x03\x04"):
        raise ModelFileError(f"{path} is not a lumina model", hint="See: lumina info FILE")
    sealed, seal = data[:-_SEAL_BYTES], data[-_SEAL_BYTES:]
    if not seal.startswith(SEAL_PREFIX):
        raise _damaged(path, "its end is missing or it was not written by lumina")
    if seal[len(SEAL_PREFIX) :] != hashlib.sha256(sealed).hexdigest().encode():
        raise _damaged(path, "its bytes have changed since it was written")


def _check_zip(data: bytes, *, path: Path) -> None:
    """Refuse an archive that could unpack to more than it is."""
    try:
        members = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError) as error:
        raise _damaged(path, "it is not a whole zip file") from error
    names = {member.filename for member in members}
    stored = all(
        member.compress_type == zipfile.ZIP_STORED and member.file_size == member.compress_size
        for member in members
    )
    if not stored or len(names) < len(members):
        raise _damaged(path, "its parts are not as torch stores them")
    if sum(member.file_size for member in members) > len(data):
        raise _damaged(path, "its parts are larger than the file")


def _take_apart(
    content: dict[str, Any], *, path: Path
) -> tuple[dict[str, JSON], dict[str, Tensor], str]:
    """Return header, weights and digest, each known to be of its kind."""
    header = dict(content)
    weights, digest = header.pop("weights", None), header.pop("digest", None)
    if not _is_json(header):
        raise _damaged(path, "it holds more than plain values and tensors")
    if header.get("format") != FORMAT:
        raise ModelFileError(f"{path} is not a lumina model", hint="Train one: lumina train")
    if header.get("version") != VERSION:
        raise ModelFileError(
            f"{path} was written by another version of lumina (format {header.get('version')!r})",
            hint="Install a newer lumina: pip install --upgrade lumina-cli",
        )
    if (
        not isinstance(weights, dict)
        or not isinstance(digest, str)
        or not all(isinstance(name, str) for name in weights)
        or not all(map(_is_plain_tensor, weights.values()))
        or len({t.untyped_storage().data_ptr() for t in weights.values()}) < len(weights)
        or not isinstance(header.get("characters"), str)
        or not isinstance(header.get("metadata"), dict)
    ):
        raise _damaged(path, "it does not hold what a model file does")
    return header, weights, digest


def _declared_shape(header: dict[str, JSON], *, path: Path) -> tuple[ModelConfig, Vocabulary]:
    characters = header["characters"]
    assert isinstance(characters, str)
    try:
        return ModelConfig.model_validate(header.get("model")), Vocabulary(characters)
    except (ValidationError, DataError) as error:
        raise _damaged(path, "the model shape it declares is impossible") from error


def _check_weights(
    weights: Mapping[str, Tensor], *, expected: Mapping[str, tuple[int, ...]], path: Path
) -> None:
    """Refuse weights that are not those of the declared shape, or not finite."""
    if weights.keys() != expected.keys():
        raise _damaged(path, "its weights are not those of the shape it declares")
    for name, tensor in weights.items():
        if tensor.shape != expected[name] or tensor.dtype != torch.float32:
            raise _damaged(path, f"{name} does not have the shape it declares")
        if not bool(torch.isfinite(tensor).all()):
            raise _damaged(path, f"{name} holds numbers that are not finite")


def _is_plain_tensor(value: object) -> bool:
    """Whether a value is numbers in memory and nothing cleverer (a view, a meta tensor, ...)."""
    return (
        type(value) is Tensor
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and value.dtype == torch.float32
        and value.is_contiguous()
        and not value.requires_grad
        and not value.is_neg()
    )


def _is_json(value: object) -> bool:
    """Whether a value can be written as JSON: no NaN, no half characters, no endless nesting."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        return _has_json_types(value)
    except (TypeError, ValueError, RecursionError):
        return False


def _has_json_types(value: object) -> bool:
    if type(value) is dict:
        return all(type(k) is str and _has_json_types(v) for k, v in value.items())
    if type(value) is list:
        return all(map(_has_json_types, value))
    return value is None or type(value) in (bool, int, float, str)


def _damaged(path: Path, why: str) -> ModelFileError:
    return ModelFileError(
        f"{path} is damaged: {why}", hint="Use another copy of it, or train the model anew."
    )


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut; Windows has no such call."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
