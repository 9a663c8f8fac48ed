"""How much memory the control groups of this process leave to it: containers, services, jobs.

A limit holds for a group with all groups below it. So what is left is the least that any group
from the process's own up to the root has left, and neighbours in them count as well.
Source: Linux, Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

MEMBERSHIP = Path("/proc/self/cgroup")
ROOT = Path("/sys/fs/cgroup")


class _Version(NamedTuple):
    """Where a version of control groups keeps its figures."""

    limits: Sequence[str]
    usage: str
    cache: Sequence[str]
    """In memory.stat: what of the usage is read from files and given back when memory is short."""


_V1 = _Version(
    ("memory.limit_in_bytes",), "memory.usage_in_bytes", ("total_inactive_file", "inactive_file")
)
_V2 = _Version(("memory.max", "memory.high"), "memory.current", ("inactive_file",))


def available_bytes(*, membership: Path | None = None, root: Path | None = None) -> int | None:
    """Return how much more memory may be taken; None where no group has a limit.

    Args:
        membership: says which groups the process is in; as Linux has it where it isn't given.
        root: where the groups are mounted.
    """
    try:
        lines = (membership or MEMBERSHIP).read_text(encoding="utf-8").splitlines()
    except OSError:  # another system
        return None
    rooms = [
        room
        for top, path, version in _hierarchies(lines, root=root or ROOT)
        for group in _with_ancestors(path, top=top)
        if (room := _available_in(group, version)) is not None
    ]
    return min(rooms, default=None)


def _hierarchies(lines: Sequence[str], *, root: Path) -> Iterator[tuple[Path, str, _Version]]:
    """Yield where groups are mounted that may limit memory, and the path of the own one there."""
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if "memory" in controllers.split(","):
            yield root / "memory", path, _V1
        elif number == "0" and not controllers:
            yield root, path, _V2
            yield root / "unified", path, _V2  # beside version 1


def _with_ancestors(path: str, *, top: Path) -> list[Path]:
    """Return the folders of a group and of those above it that can be seen from here.

    In a container the path may be that of the host, while the mount begins further down; or
    begin with "..", where the group lies outside of what is mounted.
    """
    names = [name for name in path.split("/") if name not in ("", "..")]
    for begin in range(len(names) + 1):
        group = top.joinpath(*names[begin:])
        if group.is_dir():
            return [top.joinpath(*names[begin:end]) for end in range(begin, len(names) + 1)]
    return []


def _available_in(group: Path, version: _Version) -> int | None:
    limits = [limit for name in version.limits if (limit := _number(group / name)) is not None]
    usage = _number(group / version.usage)
    if not limits or usage is None:
        return None
    return max(min(limits) - max(usage - _cache_bytes(group, version), 0), 0)


def _cache_bytes(group: Path, version: _Version) -> int:
    try:
        lines = (group / "memory.stat").read_text(encoding="ascii").splitlines()
        figures = dict(line.split() for line in lines)
        return next((int(figures[name]) for name in version.cache if name in figures), 0)
    except (OSError, ValueError):
        return 0


def _number(path: Path) -> int | None:
    """Return what a file holds; None where it isn't there or says "max"."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
