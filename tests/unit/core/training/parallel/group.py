"""A group of real processes that train over gloo: forked, so that they start in no time."""

import multiprocessing
import os
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lumina_cli.core.training.parallel.joining import joined, leave
from lumina_cli.core.training.parallel.place import Place
from lumina_cli.core.training.parallel.processes import Processes

CPU = torch.device("cpu")
PATIENCE_S = 120.0

can_fork = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def run_group(work: Callable[[Processes], Any], *, size: int, folder: Path) -> list[Any]:
    """Do `work` on each rank of a group, and return what each returned: what `torch.save` takes."""
    context, port = multiprocessing.get_context("fork"), free_port()
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    processes = [
        context.Process(
            target=_run,
            args=(work, Place(n, size, n, size, 0, "127.0.0.1", port, "", 0, False), folder),
        )
        for n in range(size)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE_S)
    codes = [process.exitcode for process in processes]
    for process in processes:
        process.kill()
    assert codes == [0] * size, codes
    return [torch.load(folder / f"rank-{n}.pt", weights_only=False) for n in range(size)]  # noqa: TID251


def _run(work: Callable[[Processes], Any], place: Place, folder: Path) -> None:
    try:
        rank = joined(place, CPU)
        torch.save(work(rank), folder / f"rank-{place.index}.pt")
        leave(rank)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
