"""Running out of memory, noticed by type and survived by doing less at once."""

import gc
from collections.abc import Callable
from typing import TypeVar

import torch

from lumina_cli.io import process_memory

_ALLOCATOR_MARKS = (
    "DefaultCPUAllocator",
    "MPS backend out of memory",
    "std::bad_alloc",
    "could not create a primitive",  # all that oneDNN says; seen where it had no room for its code
)
"""These raise a plain RuntimeError; only their words tell it apart."""

_ATTEMPTS = 3

T = TypeVar("T")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory ran out, on any device."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(mark in str(error) for mark in _ALLOCATOR_MARKS)


def release_memory() -> None:
    """Give back what is no longer used. Call it outside the `except` block.

    Inside one the exception still holds the frames, and these hold the tensors.
    """
    gc.collect()
    process_memory.give_back_freed_memory()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def none_on_oom(action: Callable[[], T]) -> T | None:
    """Return what `action` returns, or None where memory ran out in it and was released."""
    try:
        return action()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    release_memory()
    return None


def retry_on_oom(action: Callable[[], T]) -> T:
    """Do an action that may be begun again, until memory is enough; else raise its error."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return action()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        release_memory()
    return action()


def peak_memory_bytes(device: torch.device) -> int:
    """Return the most memory used so far: of the GPU, or of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return process_memory.peak_bytes()


def memory_bytes(device: torch.device) -> int:
    """Return the memory used now: of the GPU, or of this process; 0 where nobody tells."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return process_memory.resident_bytes()


def available_memory_bytes(device: torch.device) -> int | None:
    """Return how much more memory may be taken; None where nobody tells."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return process_memory.available_bytes()
