"""A group of real processes that train over gloo: forked, so that they start in no time."""

import multiprocessing
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from lumina_cli.core.training.parallel.joining import joined
from lumina_cli.core.training.parallel.place import Place
from lumina_cli.core.training.parallel.processes import Processes
from lumina_cli.errors import GroupError

CPU = torch.device("cpu")
PATIENCE_S = 120.0

can_fork = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked")

Work = Callable[[Processes], Any]


class Ended(NamedTuple):
    """How a rank ended: the exit code of its process, what its work returned, its error."""

    code: int | None
    result: Any
    error: str


def run_group(work: Work, *, size: int, folder: Path, machines: Sequence[str] = ()) -> list[Any]:
    """Do `work` on each rank of a group, and return what each returned: what `torch.save` takes."""
    ended = end_group(work, size=size, folder=folder, patience_s=PATIENCE_S, machines=machines)
    assert [each.code for each in ended] == [0] * size, ended
    return [each.result for each in ended]


def end_group(
    work: Work, *, size: int, folder: Path, patience_s: float, machines: Sequence[str] = ()
) -> list[Ended]:
    """Do `work` on each rank of a group, and return how each ended; None for the code of a hang.

    All are on one machine, unless it is said what each takes for its own.
    """
    context = multiprocessing.get_context("fork")
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    at = partial(
        Place,
        world_size=size,
        local_world_size=size,
        address="127.0.0.1",
        port=free_port(),
        run_id="",
        restart=0,
        has_agent=False,
    )
    processes = [
        context.Process(
            target=_run, args=(work, at(index=n, local_rank=n, machine=machine), folder)
        )
        for n, machine in enumerate(machines or ["here"] * size)
    ]
    for process in processes:
        process.start()
    until_s = time.monotonic() + patience_s
    for process in processes:
        process.join(max(until_s - time.monotonic(), 0))
    codes = [process.exitcode for process in processes]
    for process in processes:
        process.kill()
        process.join()
    return [Ended(code, *_told(folder / f"rank-{n}.pt")) for n, code in enumerate(codes)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _told(path: Path) -> tuple[Any, str]:
    if not path.exists():
        return None, ""
    result, error = torch.load(path, weights_only=False)  # noqa: TID251  our own, of this moment
    return result, error


def _run(work: Work, place: Place, folder: Path) -> None:
    path, code, result, why = folder / f"rank-{place.index}.pt", 0, None, ""
    rank = joined(place, CPU)
    try:
        result = work(rank)
    except GroupError as error:
        code, why = error.exit_code, error.message
    except Exception as error:
        code, why = 1, repr(error)
        rank.watch.end(why, code=1)
        traceback.print_exc()
    torch.save((result, why), path)
    rank.close(is_over=code == 0)
    os._exit(code)
