"""Running out of memory, noticed by type and survived by doing less at once."""

import gc
import sys

import torch

_ALLOCATOR_MARKS = ("DefaultCPUAllocator", "MPS backend out of memory")
"""These allocators raise a plain RuntimeError; only what they call themselves tells it apart."""


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
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def peak_memory_bytes(device: torch.device) -> int:
    """Return the most memory used so far: of the GPU, or of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return _peak_process_bytes()


def _peak_process_bytes() -> int:
    try:
        import resource  # noqa: PLC0415  POSIX only
    except ImportError:
        return 0
    peak: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
