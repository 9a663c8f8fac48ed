"""Running out of memory, noticed by type and survived by doing less at once."""

import ctypes
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from lumina_cli.io import cgroup

_ALLOCATOR_MARKS = (
    "DefaultCPUAllocator",
    "MPS backend out of memory",
    "std::bad_alloc",
    "could not create a primitive",  # all that oneDNN says; seen where it had no room for its code
)
"""These raise a plain RuntimeError; only their words tell it apart."""

_ATTEMPTS = 3

_KEPT = {-1: (1 << 31) - 1, -3: 32 << 20}
"""For glibc's mallopt: how much free memory stays (M_TRIM_THRESHOLD: what an int holds), and from
which size on a piece is fetched and given back alone (M_MMAP_THRESHOLD: the most it takes)."""

_USERS_WORD = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")

T = TypeVar("T")


def keep_freed_memory() -> bool:
    """Let this process keep what it frees for what it needs next; return whether it does.

    A step frees all it computed, and the next takes as much. In between glibc gives it back
    to the system, which has to clean each page anew: a tenth of a step of a small model.
    Other C libraries can't be told, and whoever told glibc something else is obeyed. Where
    addresses are limited nothing is kept: pages can be let go, but not the addresses of all.
    """
    glibc = _glibc()
    if glibc is None or any(name in os.environ for name in _USERS_WORD):
        return False
    if _left_of_address_space() is not None:
        return False
    return all(glibc.mallopt(option, value) for option, value in _KEPT.items())


def _glibc() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(None)
        return library if library.mallopt and library.malloc_trim else None
    except (AttributeError, OSError, TypeError):  # another C library, another system, Windows
        return None


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
    if (glibc := _glibc()) is not None:
        glibc.malloc_trim(0)
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
    return _peak_process_bytes()


def memory_bytes(device: torch.device) -> int:
    """Return the memory used now: of the GPU, or of this process; 0 where nobody tells."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError):
        return _peak_process_bytes()
    return pages * os.sysconf("SC_PAGE_SIZE")


def available_memory_bytes(device: torch.device) -> int | None:
    """Return how much more memory may be taken; None where nobody tells."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    rooms = [_free_on_machine(), cgroup.available_bytes(), _left_of_address_space()]
    return min((room for room in rooms if room is not None), default=None)


def _free_on_machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        return int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None  # Windows


def _left_of_address_space() -> int | None:
    try:
        import resource  # noqa: PLC0415  POSIX only

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit == resource.RLIM_INFINITY:
            return None
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (ImportError, OSError, ValueError):
        return None
    return max(limit - pages * os.sysconf("SC_PAGE_SIZE"), 0)


def _peak_process_bytes() -> int:
    try:
        import resource  # noqa: PLC0415  POSIX only
    except ImportError:
        return 0
    peak: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
