"""Container files: what `torch.save` writes, guarded, written whole and read without trust.

A `.pth` is a zip. Two digests guard it:

- the seal, in the zip's comment: SHA-256 of every other byte of the file. One flipped
  bit anywhere, padding included, or a missing byte, and the file is refused before anything
  else of it is looked at.
- the digest, inside: SHA-256 of the canonical content (JSON with sorted keys, then each
  tensor's name, dtype, shape and bytes). It names the content, however it is packed.

Neither proves who made a file. What protects the reader from its maker is that nothing
unpickles it: `stored_zip` and `plain_pickle` read the little that `torch.save` makes of plain
values and tensors, and know nothing else. `model_file` then asks that every tensor is one the
declared shape asks for.
"""

import hashlib
import json
import os
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import torch
from torch import Tensor

from lumina_cli.core.checkpoint.plain_pickle import (
    NotPlainError,
    TensorRef,
    can_be_read_back,
    depth_is_bounded,
    read_plain_pickle,
)
from lumina_cli.core.checkpoint.stored_zip import Member, ZipError, stored_members
from lumina_cli.core.memory import available_memory_bytes
from lumina_cli.errors import MissingInputError, ModelFileError, OutOfMemoryError, OutputError
from lumina_cli.io.atomic import Handle, replace_file, write_all

SEAL_PREFIX = b"lumina-sha256:"
SEAL_BYTES = len(SEAL_PREFIX) + 64
_END_OF_ZIP = b"PK\x05\x06"
_END_RECORD_BYTES = 22
_WRITE_BYTES = 1 << 20
_STORED = "data/"
_NOT_PLAIN = "it holds more than plain values and tensors"

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
        OutputError: there is no such folder, it can't be written to, or the header is too long.
        StorageError: the disk is full or fails; what stood at `path` still does.
    """
    assert _is_json(header), "a header is plain JSON"
    if not can_be_read_back(dict(header), num_tensors=len(tensors)):
        raise OutputError(
            f"{path} can't be written: there is too much to tell, such as names of files",
            hint="Put the text into fewer files.",
        )
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
    data = memoryview(_read(path, kind=kind))
    _check_seal(data, path=path)
    try:
        members = stored_members(data, comment_bytes=SEAL_BYTES)
    except ZipError as error:
        raise damaged(path, str(error)) from error
    header, tensors, digest = _take_apart(_unpickled(data, members, path=path), path=path)
    _check_kind(header, kind=kind, versions=versions, path=path)
    found = _tensors(tensors, data=data, members=members, path=path)
    if content_digest(header, found) != digest:
        raise damaged(path, "its content does not match its digest")
    return Container(header, found, digest)


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


def _read(path: Path, *, kind: str) -> bytearray:
    """Return all of a file, if it begins and ends as ours do; what is something else may be huge.

    Raises:
        OutOfMemoryError: it is larger than the memory there is.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe might never begin
            raise MissingInputError(f"{path} can't be read: it is not a file")
        with path.open("rb") as file:
            _check_ends(file, path=path)
            return _read_all(file)
    except FileNotFoundError:
        raise MissingInputError(
            f"there is no {kind.removeprefix('lumina-')} at {path}",
            hint="Train one: lumina train --preset demo. Or point to one: --model FILE",
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = error.strerror if isinstance(error, OSError) else error
        raise MissingInputError(f"{path} can't be read: {why}") from error
    except MemoryError as error:
        raise OutOfMemoryError(
            f"{path} is larger than the memory there is", hint="Close other programs."
        ) from error


def _check_ends(file: IO[bytes], *, path: Path) -> None:
    if file.read(4) != b"PK\x03\x04":
        raise ModelFileError(f"{path} is not a lumina model", hint="See: lumina info FILE")
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - SEAL_BYTES, 0))
    end = file.read(SEAL_BYTES)
    file.seek(0)
    if end.startswith(SEAL_PREFIX):
        return
    if not end[-_END_RECORD_BYTES:].startswith(_END_OF_ZIP):
        raise damaged(path, "its end is missing")
    raise ModelFileError(
        f"{path} was not written by this version of lumina: it has no seal",
        hint="If another version made it, use that one; or train one: lumina train",
    )


def _read_all(file: IO[bytes]) -> bytearray:
    size = os.fstat(file.fileno()).st_size
    available = available_memory_bytes(torch.device("cpu"))
    if available is not None and size > available:
        raise MemoryError
    data = bytearray(size)
    num = 0
    while more := file.readinto(memoryview(data)[num:]):  # type: ignore[attr-defined]
        num += more
    del data[num:]  # somebody cut it short meanwhile
    return data


def _check_seal(data: memoryview, *, path: Path) -> None:
    digest = hashlib.sha256(data[:-SEAL_BYTES]).hexdigest()
    if bytes(data[-SEAL_BYTES:]) != SEAL_PREFIX + digest.encode():
        raise damaged(path, "its bytes have changed since it was written")


def _unpickled(data: memoryview, members: Mapping[str, Member], *, path: Path) -> object:
    member = members.get("data.pkl")
    if member is None or _bytes_of(members.get("byteorder"), data) not in (None, b"little"):
        raise damaged(path, "its parts are not as torch stores them")
    try:
        return read_plain_pickle(data[member.start : member.start + member.num_bytes])
    except NotPlainError as error:
        raise damaged(path, _NOT_PLAIN) from error


def _bytes_of(member: Member | None, data: memoryview) -> bytes | None:
    if member is None:
        return None
    return bytes(data[member.start : member.start + min(member.num_bytes, 100)])


def _take_apart(content: object, *, path: Path) -> tuple[Header, dict[str, TensorRef], str]:
    """Return header, tensors and digest, each known to be of its kind."""
    if type(content) is not dict:
        raise damaged(path, "it does not hold what a lumina file does")
    header = dict(content)
    tensors, digest = header.pop("tensors", None), header.pop("digest", None)
    if not _is_json(header):
        raise damaged(path, _NOT_PLAIN)
    return header, tensors, digest


def _check_kind(header: Header, *, kind: str, versions: Collection[int], path: Path) -> None:
    if header.get("format") != kind:
        what = kind.replace("-", " ")
        raise ModelFileError(f"{path} is not a {what}", hint="Train one: lumina train")
    written = header.get("version")
    if type(written) is not int or written not in versions:
        newest = max(versions)
        is_newer = type(written) is int and written > newest
        why = f"its format is {written!r:.40}, and this one reads {newest}"
        raise of_another_version(path, why, header=header, is_newer=is_newer)


def _tensors(
    refs: object, *, data: memoryview, members: Mapping[str, Member], path: Path
) -> dict[str, Tensor]:
    """Return the tensors, each with all the numbers of a member of its own."""
    if type(refs) is not dict or not all(type(ref) is TensorRef for ref in refs.values()):
        raise damaged(path, "it does not hold what a lumina file does")
    stored = {name: member for name, member in members.items() if name.startswith(_STORED)}
    keys = [_STORED + ref.key for ref in refs.values()]
    sizes = {_STORED + ref.key: ref.num_bytes for ref in refs.values()}
    if len(set(keys)) < len(keys) or sizes != {n: m.num_bytes for n, m in stored.items()}:
        raise damaged(path, "its tensors are not those it says it has")
    return {name: _tensor(ref, data, stored[_STORED + ref.key]) for name, ref in refs.items()}


def _tensor(ref: TensorRef, data: memoryview, member: Member) -> Tensor:
    """Return a tensor that lies in the bytes of the file, or a copy where they are not in step."""
    num = member.num_bytes // ref.dtype.itemsize
    if not num:
        return torch.empty(ref.shape, dtype=ref.dtype)
    flat = torch.frombuffer(data, dtype=ref.dtype, count=num, offset=member.start)
    tensor = flat.reshape(ref.shape)
    return tensor.clone() if flat.data_ptr() % ref.dtype.itemsize else tensor


def _is_json(value: object) -> bool:
    """Whether a value can be written as JSON: no NaN, no half characters, no endless nesting."""
    if not depth_is_bounded(value) or not _has_json_types(value):
        return False
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        return False
    return True


def _has_json_types(value: object) -> bool:
    if type(value) is dict:
        return all(type(k) is str and _has_json_types(v) for k, v in value.items())
    if type(value) is list:
        return all(map(_has_json_types, value))
    return value is None or type(value) in (bool, int, float, str)
