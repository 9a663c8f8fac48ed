"""Container files: what `torch.save` writes, guarded, written whole and read without trust.

A `.pth` is a zip. Two digests guard it:

- the seal, in the zip's comment: SHA-256 of every other byte of the file. One flipped
  bit anywhere, padding included, or a missing byte, and the file is refused before torch
  looks at it.
- the digest, inside: SHA-256 of the canonical content (JSON with sorted keys, then each
  tensor's name, dtype, shape and bytes). It names the content, however it is packed.

Neither proves who made a file. What protects the reader from its maker is that nothing
but `weights_only=True` unpickles it, and that the zip may hold only stored members whose
sizes add up. `format` then asks that every tensor is one the declared shape asks for.
"""

import hashlib
import io
import json
import stat
import zipfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import torch
from torch import Tensor

from lumina_cli.errors import MissingInputError, ModelFileError
from lumina_cli.io.atomic import Handle, replace_file, write_all

SEAL_PREFIX = b"lumina-sha256:"
SEAL_BYTES = len(SEAL_PREFIX) + 64
_END_OF_ZIP = b"PK\x05\x06"
_END_RECORD_BYTES = 22
_WRITE_BYTES = 1 << 20
_DTYPES = {torch.float32, torch.int64, torch.uint8}

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]
Header = dict[str, JSON]


@dataclass(frozen=True, eq=False)
class Container:
    """What a sealed file holds: plain values, named tensors, and the digest of both."""

    header: Header
    tensors: dict[str, Tensor]
    digest: str


def write_container(
    path: Path, *, header: Mapping[str, JSON], tensors: Mapping[str, Tensor]
) -> str:
    """Write a sealed file, whole or not at all, and return its digest.

    Raises:
        OutputError: there is no such folder, or it can't be written to.
        StorageError: the disk is full or fails; what stood at `path` still does.
    """
    assert _is_json(header), "a header is plain JSON"
    own = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # A view would bring along all of what it is a view of.
    own = {name: t if _owns_its_memory(t) else t.clone() for name, t in own.items()}
    digest = content_digest(header, own)
    content = {**header, "tensors": own, "digest": digest}
    replace_file(path, lambda handle: _write_content(handle, content))
    return digest


def read_container(path: Path, *, kind: str, versions: Collection[int]) -> Container:
    """Return what a sealed file holds, once it is known to be whole.

    Args:
        path: of the file.
        kind: the `format` that its header must name, such as `lumina-model`.
        versions: of the format, that are understood.

    Raises:
        MissingInputError: there is no such file.
        ModelFileError: it is not one of ours, or is damaged.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe might never begin
            raise MissingInputError(f"{path} can't be read: it is not a file")
        data = path.read_bytes()
    except FileNotFoundError:
        raise MissingInputError(
            f"there is no {kind.removeprefix('lumina-')} at {path}",
            hint="Train one: lumina train --preset demo. Or point to one: --model FILE",
        ) from None
    except OSError as error:
        raise MissingInputError(f"{path} can't be read: {error.strerror}") from error
    _check_seal(data, path=path)
    _check_zip(data, path=path)
    try:
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a forged pickle makes the unpickler say
        raise damaged(path, "torch can't read it") from error
    sealed = _take_apart(content, kind=kind, versions=versions, path=path)
    if content_digest(sealed.header, sealed.tensors) != sealed.digest:
        raise damaged(path, "its content does not match its digest")
    return sealed


def content_digest(header: Mapping[str, JSON], tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of plain values and tensors, in a form that packing can't change."""
    sha = hashlib.sha256(json.dumps(header, sort_keys=True, ensure_ascii=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        sha.update(f"\n{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        sha.update(tensor.reshape(-1).view(torch.uint8).numpy().data)  # no copy
    return sha.hexdigest()


def damaged(path: Path, why: str) -> ModelFileError:
    """Return the error for a file that is not what it should be."""
    return ModelFileError(
        f"{path} is damaged: {why}", hint="Use another copy of it, or train the model anew."
    )


def of_another_version(path: Path, why: str, *, header: Header, is_newer: bool) -> ModelFileError:
    """Return the error for a whole file that another version of this program wrote."""
    metadata = header.get("metadata") or header.get("facts")
    known = metadata.get("lumina_version") if isinstance(metadata, dict) else None
    hint = "Use the version that made it, or train the model anew with this one."
    if is_newer:
        hint = "Install a newer lumina: pip install --upgrade lumina-cli"
    who = f"version {known} of lumina" if isinstance(known, str) else "another version of lumina"
    return ModelFileError(f"{path} was made by {who}: {why}", hint=hint)


def _write_content(handle: Handle, content: Mapping[str, object]) -> None:
    file = _SealingFile(handle)
    try:
        torch.save(content, cast(IO[bytes], file))
    except RuntimeError as error:  # torch wraps the errors of the file
        raise file.failure or error from error
    file.seal()


class _SealingFile:
    """The file that `torch.save` writes to: it goes to disk as it comes, and is sealed.

    The zip's last record is held back, because the seal changes it.
    """

    def __init__(self, handle: Handle) -> None:
        self.failure: OSError | MemoryError | None = None
        self._handle = handle
        self._waiting = bytearray()
        self._sha = hashlib.sha256()

    def write(self, data: bytes) -> int:
        try:
            self._waiting += data
            if len(self._waiting) >= _WRITE_BYTES:
                self._put(len(self._waiting) - _END_RECORD_BYTES)
        except (OSError, MemoryError) as error:
            self.failure = error
            raise
        return len(data)

    def flush(self) -> None:
        """Do nothing: `seal` comes last, and fsync after it."""

    def seal(self) -> None:
        """Write the end of the zip with the seal as its comment."""
        end = bytes(self._waiting[-_END_RECORD_BYTES:])
        assert end.startswith(_END_OF_ZIP), "torch.save wrote a zip with a comment"
        self._waiting[-2:] = SEAL_BYTES.to_bytes(2, "little")
        self._put(len(self._waiting))
        self._waiting += SEAL_PREFIX + self._sha.hexdigest().encode()
        self._put(len(self._waiting))

    def _put(self, num_bytes: int) -> None:
        chunk = bytes(self._waiting[:num_bytes])
        del self._waiting[:num_bytes]
        self._sha.update(chunk)
        write_all(self._handle, chunk)


def _owns_its_memory(tensor: Tensor) -> bool:
    return tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()


def _check_seal(data: bytes, *, path: Path) -> None:
    if not data.startswith(b"PK\x03\x04"):
        raise ModelFileError(f"{path} is not a lumina model", hint="See: lumina info FILE")
    view = memoryview(data)
    seal = bytes(view[-SEAL_BYTES:])
    if not seal.startswith(SEAL_PREFIX):
        if not bytes(view[-_END_RECORD_BYTES:]).startswith(_END_OF_ZIP):
            raise damaged(path, "its end is missing")
        raise ModelFileError(
            f"{path} was not written by this version of lumina: it has no seal",
            hint="If another version made it, use that one; or train one: lumina train",
        )
    digest = hashlib.sha256(view[:-SEAL_BYTES]).hexdigest()
    if seal[len(SEAL_PREFIX) :] != digest.encode():
        raise damaged(path, "its bytes have changed since it was written")


def _check_zip(data: bytes, *, path: Path) -> None:
    """Refuse an archive that could unpack to more than it is."""
    try:
        members = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError) as error:
        raise damaged(path, "it is not a whole zip file") from error
    names = {member.filename for member in members}
    stored = all(
        member.compress_type == zipfile.ZIP_STORED and member.file_size == member.compress_size
        for member in members
    )
    if not stored or len(names) < len(members):
        raise damaged(path, "its parts are not as torch stores them")
    if sum(member.file_size for member in members) > len(data):
        raise damaged(path, "its parts are larger than the file")


def _take_apart(content: Any, *, kind: str, versions: Collection[int], path: Path) -> Container:
    """Return header, tensors and digest, each known to be of its kind."""
    if not isinstance(content, dict):
        raise damaged(path, "it does not hold what a lumina file does")
    header = dict(content)
    tensors, digest = header.pop("tensors", None), header.pop("digest", None)
    if not _is_json(header):
        raise damaged(path, "it holds more than plain values and tensors")
    if header.get("format") != kind:
        what = kind.replace("-", " ")
        raise ModelFileError(f"{path} is not a {what}", hint="Train one: lumina train")
    written = header.get("version")
    if written not in versions:
        newest = max(versions)
        is_newer = isinstance(written, int) and written > newest
        why = f"its format is {written!r}, and this one reads {newest}"
        raise of_another_version(path, why, header=header, is_newer=is_newer)
    if (
        not isinstance(tensors, dict)
        or not isinstance(digest, str)
        or not all(isinstance(name, str) for name in tensors)
        or not all(map(_is_plain_tensor, tensors.values()))
        or _share_memory(tensors.values())
    ):
        raise damaged(path, "it does not hold what a lumina file does")
    return Container(header, tensors, digest)


def _is_plain_tensor(value: object) -> bool:
    """Whether a value is numbers in memory and nothing cleverer (a view, a meta tensor, ...)."""
    return (
        type(value) is Tensor
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and value.dtype in _DTYPES
        and value.is_contiguous()
        and not value.requires_grad
        and not value.is_neg()
    )


def _share_memory(tensors: Iterable[Tensor]) -> bool:
    places = [t.untyped_storage().data_ptr() for t in tensors if t.numel()]
    return len(set(places)) < len(places)


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
