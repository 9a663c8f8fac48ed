"""Where a process stands among those that train together, as a launcher tells it (no torch).

torchrun, and what starts processes as it does, set these variables.
"""

import contextlib
import os
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

END_FOLDER = "_LUMINA_LAUNCH_FOLDER"
"""Where the launcher of `--nproc` is told how the run ended; other launchers have none."""

IS_DRAWN = 1 << 40
"""Set in a number that stands for a network card where there is none; each process draws its own.

Source: RFC 9562, section 6.10.
"""

MAX_PROCESSES, MAX_PORT, MAX_CHARS = 100_000, 65_535, 255


@dataclass(frozen=True, slots=True)
class Place:
    """A process among `world_size`; `local_rank` counts those of one machine.

    `machine` is its name, where process ids mean the same processes. `run_id` is the launcher's
    name for the whole run, `restart` how often it began it anew; where there is no launcher that
    watches, the first rank keeps the store itself.
    """

    index: int
    world_size: int
    local_rank: int
    local_world_size: int
    machine: str
    address: str
    port: int
    run_id: str
    restart: int
    has_agent: bool

    @property
    def is_first(self) -> bool:
        return self.index == 0

    @property
    def is_possible(self) -> bool:
        """Whether processes can stand so, and meet there."""
        names = (self.address, self.run_id)
        return (
            0 <= self.index < self.world_size <= MAX_PROCESSES
            and 0 <= self.local_rank < self.local_world_size <= self.world_size
            and 0 < self.port <= MAX_PORT
            and all(len(name) <= MAX_CHARS and name.isprintable() for name in names)
        )


def find_place(environ: Mapping[str, str] = os.environ) -> Place | None:
    """Return where this process stands; None for one alone, and where what is told can't be."""
    run_id = environ.get("TORCHELASTIC_RUN_ID", "")
    try:
        index, world_size = int(environ["RANK"]), int(environ["WORLD_SIZE"])
        local_world_size = int(environ.get("LOCAL_WORLD_SIZE", world_size))
        place = Place(
            index,
            world_size,
            local_rank=int(environ.get("LOCAL_RANK", index % local_world_size)),
            local_world_size=local_world_size,
            machine=name_machine(),
            address=environ.get("MASTER_ADDR", "127.0.0.1"),
            port=int(environ["MASTER_PORT"]),
            run_id=run_id,
            restart=int(environ.get("TORCHELASTIC_RESTART_COUNT", 0)),
            has_agent=environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True",
        )
    except (KeyError, ValueError, ZeroDivisionError):
        return None
    is_alone = world_size == 1 and not run_id
    return place if place.is_possible and not is_alone else None


def name_machine() -> str:
    """Return what this machine has and no other, nor another container on it, without blanks."""
    names, node = [socket.gethostname()], uuid.getnode()
    if not node & IS_DRAWN:
        names.append(f"{node:x}")
    with contextlib.suppress(OSError):  # Linux tells more; images may be copies of each other
        names.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        names.append(Path("/proc/self/ns/pid").readlink().name)
    return "/".join("".join(name.split()) for name in names)
