"""The seal: SHA-256 of every other byte of a file, in the comment of the zip that it is."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, cast

import torch

from lumina_cli.core.checkpoint.file_errors import damaged
from lumina_cli.core.checkpoint.foreign import OWN_MODEL, no_model, not_a_model
from lumina_cli.core.memory import available_memory_bytes
from lumina_cli.errors import MissingInputError, OutOfMemoryError
from lumina_cli.io.atomic import replace_file, write_all
from lumina_cli.io.regular_file import open_regular
from lumina_cli.io.staging import Handle

SEAL_PREFIX = b"lumina-sha256:"
SEAL_BYTES = len(SEAL_PREFIX) + 64
_END_OF_ZIP = b"PK\x05\x06"
_END_RECORD_BYTES = 22
_WRITE_BYTES = 1 << 20


def write_sealed(path: Path, content: Mapping[str, object]) -> None:
    """Write what `torch.save` makes of `content`, sealed, whole or not at all.

    Raises:
        OutputError: there is no such folder, or it can't be written to.
        StorageError: the disk is full or fails; what stood at `path` still does.
    """
    replace_file(path, lambda handle: _write_content(handle, content))


def read_sealed(path: Path, *, kind: str) -> memoryview:
    """Return all of a file, once its seal says that it is whole.

    Raises:
        MissingInputError: there is no such file.
        ModelFileError: it is not one of ours, or has changed.
        OutOfMemoryError: it is larger than the memory there is.
    """
    data = memoryview(_read(path, kind=kind))
    _check_seal(data, path=path)
    return data


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


def _read(path: Path, *, kind: str) -> bytearray:
    """Return all of a file, if it begins and ends as ours do; what is something else may be huge.

    Raises:
        OutOfMemoryError: it is larger than the memory there is.
    """
    try:
        with open_regular(path) as file:
            _check_ends(file, path=path)
            return _read_all(file)
    except FileNotFoundError:
        if kind == "lumina-model":
            raise no_model(path) from None
        raise MissingInputError(f"there is no checkpoint {path}", hint=OWN_MODEL) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = error.strerror if isinstance(error, OSError) else error
        raise MissingInputError(f"{path} can't be read: {why}") from error
    except MemoryError as error:
        raise OutOfMemoryError(
            f"{path} is larger than the memory there is", hint="Close other programs."
        ) from error


def _check_ends(file: IO[bytes], *, path: Path) -> None:
    if file.read(4) != b"PK\x03\x04":
        raise not_a_model(path, file)
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - SEAL_BYTES, 0))
    end = file.read(SEAL_BYTES)
    file.seek(0)
    if end.startswith(SEAL_PREFIX):
        return
    if not end[-_END_RECORD_BYTES:].startswith(_END_OF_ZIP):
        raise damaged(path, "its end is missing")
    raise not_a_model(path, file)


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
