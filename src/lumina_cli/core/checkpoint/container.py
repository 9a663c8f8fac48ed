"""Container files: what `torch.save` writes, guarded, written whole and read without trust.

A `.pth` is a zip. Two digests guard it:

- the seal (`seal`), in the zip's comment: SHA-256 of every other byte of the file. One flipped
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
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from lumina_cli.core.checkpoint.file_errors import damaged, of_another_version
from lumina_cli.core.checkpoint.plain_pickle import read_plain_pickle
from lumina_cli.core.checkpoint.plain_values import (
    NotPlainError,
    TensorRef,
    can_be_read_back,
    is_json,
)
from lumina_cli.core.checkpoint.seal import SEAL_BYTES, read_sealed, write_sealed
from lumina_cli.errors import ModelFileError, OutputError
from lumina_cli.io.stored_zip import Member, ZipError, stored_members

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
    header = {str(key): _in_whole_characters(value) for key, value in header.items()}
    assert is_json(header), "a header is plain JSON"
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
    write_sealed(path, content)
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
    data = read_sealed(path, kind=kind)
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


def _owns_its_memory(tensor: Tensor) -> bool:
    return tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()


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
    if not is_json(header):
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


def _in_whole_characters(value: JSON) -> JSON:
    """Return a value with half characters written out: names of files need not be UTF-8."""
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, list):
        return [_in_whole_characters(each) for each in value]
    if isinstance(value, dict):
        return {key: _in_whole_characters(each) for key, each in value.items()}
    return value
