"""Starts a command in several processes of this machine that train together (`--nproc`).

torch's elastic launcher starts them, begins anew where one is lost, and passes signals on. How
the run ended is told in a folder, for launchers know exit codes as failures alone: a worker that
ended in an error which no restart mends, or was asked to stop, exits with 0.
"""

import contextlib
import logging
import os
import signal
import socket
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from lumina_cli.core.training.parallel.ending import Ending
from lumina_cli.core.training.parallel.place import END_FOLDER
from lumina_cli.errors import GroupError

FIRST_STATUS = 128
HERE = "127.0.0.1"
CONNECT_S = 10.0
MONITOR_S = 0.1
PASSED_ON = "SIGTERM,SIGINT,SIGHUP,SIGQUIT"
"""To all processes, which then end cleanly; SIGHUP not under nohup."""

SHUTDOWN_S = 60
"""For a clean end; who stands still is ended sooner (`watch.py`)."""


def launch(arguments: Sequence[str], *, nproc: int, max_restarts: int) -> int:
    """Run `lumina` with these arguments in `nproc` processes, and return its exit code.

    Raises:
        GroupError: a process was lost, for the last time, or none could reach another.
    """
    _check_loopback()
    from torch.distributed.elastic.multiprocessing import SignalException  # noqa: PLC0415  slow
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError  # noqa: PLC0415
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch  # noqa: PLC0415

    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=nproc,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint=f"{HERE}:0",
        local_addr=HERE,
        max_restarts=max_restarts,
        monitor_interval=MONITOR_S,
        signals_to_handle=_passed_on(),
    )
    logging.disable(logging.CRITICAL)  # it tells as errors what is told better below
    with tempfile.TemporaryDirectory(prefix="lumina-launch-") as folder:
        ending = Ending(Path(folder))
        os.environ.update(_environment(folder, nproc=nproc))
        try:
            with _saving_when_asked(ending):
                elastic_launch(config, sys.executable)("-m", "lumina_cli", *arguments)
        except SignalException as error:
            ending.kill_workers()  # none is left, unless it was asked twice
            return FIRST_STATUS + int(error.sigval)
        except ChildFailedError as error:
            raise _lost(error, ending) from error
        finally:
            _show_cursor()
        return ending.code or 0


def _check_loopback() -> None:
    """Make sure that processes can talk; torch tries for minutes, and tells it in a stack."""
    try:
        with socket.create_server((HERE, 0)) as server:
            socket.create_connection(server.getsockname(), timeout=CONNECT_S).close()
    except OSError as error:
        raise GroupError(
            f"processes of this machine can't reach each other at {HERE}: "
            f"{error.strerror or error}",
            hint="Bring its loopback interface up, or train with one process: leave out --nproc",
        ) from error


def _passed_on() -> str:
    is_ignored = {
        name
        for name in PASSED_ON.split(",")
        if signal.getsignal(getattr(signal, name, signal.SIGTERM)) == signal.SIG_IGN
    }
    return ",".join(name for name in PASSED_ON.split(",") if name not in is_ignored)


def _environment(folder: str, *, nproc: int) -> dict[str, str]:
    """Return what the processes are to find, where the user has not set it."""
    defaults = {
        "OMP_NUM_THREADS": str(max((os.cpu_count() or 1) // nproc, 1)),
        "GLOO_SOCKET_IFNAME": "lo0" if sys.platform == "darwin" else "lo",
        # A restart would read addresses of before it (pytorch#135712).
        "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
        "TORCH_ELASTIC_SHUTDOWN_TIMEOUT": str(SHUTDOWN_S),
    }
    unset = {name: value for name, value in defaults.items() if name not in os.environ}
    return {**unset, END_FOLDER: folder}


@contextlib.contextmanager
def _saving_when_asked(ending: Ending) -> Iterator[None]:
    """Pass SIGUSR1 on to the first process: it saves a checkpoint."""
    number = getattr(signal, "SIGUSR1", None)
    if number is None:  # Windows
        yield
        return

    def pass_on(received: int, _: FrameType | None) -> None:
        ending.send_to_first(received)

    before = signal.signal(number, pass_on)
    try:
        yield
    finally:
        signal.signal(number, before)


def _lost(error: object, ending: Ending) -> GroupError:
    """Return which process was lost, and how."""
    failures = getattr(error, "failures", {})
    rank, failure = min(failures.items(), key=lambda item: _follows(item[1].exitcode))
    name = f" ({failure.signal_name()})" if failure.exitcode < 0 else ""
    how = f"was ended by signal {-failure.exitcode}{name}"
    if failure.exitcode >= 0:
        how = f"ended with exit code {failure.exitcode}"
    return GroupError(
        ending.why or f"rank {rank} {how}",
        hint="Go on from the newest checkpoint, if one was saved: --resume",
    )


def _follows(exit_code: int) -> int:
    """Return how likely it is that a process was ended since another was lost."""
    if exit_code == GroupError.exit_code:
        return 2
    return int(exit_code == -signal.SIGTERM)  # that is how the launcher ends those that are left


def _show_cursor() -> None:
    """Show what the live view of a process that was killed had hidden."""
    if sys.stderr.isatty():
        sys.stderr.write("\x1b[?25h")
        sys.stderr.flush()
