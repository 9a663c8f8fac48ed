"""The memory of this process and of the machine it runs on, as the system tells."""

import ctypes
import os
import sys
from pathlib import Path

from lumina_cli.io import cgroup

_KEPT = {-1: (1 << 31) - 1, -3: 32 << 20}
"""For glibc's mallopt: how much free memory stays (M_TRIM_THRESHOLD: what an int holds), and from
which size on a piece is fetched and given back alone (M_MMAP_THRESHOLD: the most it takes)."""

_USERS_WORD = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


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


def give_back_freed_memory() -> None:
    """Let the system have what this process keeps and does not use."""
    if (glibc := _glibc()) is not None:
        glibc.malloc_trim(0)


def available_bytes() -> int | None:
    """Return how much more memory this process may take; None where nobody tells."""
    rooms = [_free_on_machine(), cgroup.available_bytes(), _left_of_address_space()]
    return min((room for room in rooms if room is not None), default=None)


def resident_bytes() -> int:
    """Return the memory that this process has; 0 where nobody tells."""
    return _statm_bytes(1) or peak_bytes()


def peak_bytes() -> int:
    """Return the most memory that this process has had; 0 where nobody tells."""
    try:
        import resource  # noqa: PLC0415  POSIX only
    except ImportError:
        return 0
    peak: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


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
    except (ImportError, OSError, ValueError):
        return None
    return max(limit - used, 0) if (used := _statm_bytes(0)) else None


def _statm_bytes(field: int) -> int:
    """Return a figure of Linux: addresses taken (0), memory taken (1); 0 on other systems."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[field])
    except (OSError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
