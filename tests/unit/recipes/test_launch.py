"""What a launcher gives its processes, and what it says of one that was lost."""

import errno
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

from lumina_cli.core.training.parallel.ending import Ending
from lumina_cli.errors import GroupError
from lumina_cli.recipes import launch


def failed(*exit_codes: int) -> SimpleNamespace:
    """What torch's launcher says of processes that failed."""
    return SimpleNamespace(
        failures={
            rank: SimpleNamespace(exitcode=code, signal_name=lambda code=code: _name(code))
            for rank, code in enumerate(exit_codes)
        }
    )


def _name(code: int) -> str:
    return signal.Signals(-code).name


@pytest.mark.parametrize(
    ("exit_codes", "told"),
    [
        ((-15, -9), "rank 1 was ended by signal 9 (SIGKILL)"),
        ((71, -15, -9), "rank 2 was ended by signal 9 (SIGKILL)"),
        ((71, 1), "rank 1 ended with exit code 1"),
        ((-11, -15), "rank 0 was ended by signal 11 (SIGSEGV)"),
    ],
)
def test_the_process_that_was_lost_first_is_named(
    exit_codes: tuple[int, ...], told: str, tmp_path: Path
) -> None:
    error = launch._lost(failed(*exit_codes), Ending(tmp_path))
    assert error.message == told
    assert "--resume" in error.hint


def test_what_another_rank_noticed_is_told_in_its_words(tmp_path: Path) -> None:
    ending = Ending(tmp_path)
    ending.tell_why("rank 1 stood still for 15 seconds and was ended")
    assert launch._lost(failed(-15, -9), ending).message.startswith("rank 1 stood still")


def test_cores_are_shared_out_unless_the_user_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch.os, "cpu_count", lambda: 13)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert launch._environment("folder", nproc=4)["OMP_NUM_THREADS"] == "3"
    assert launch._environment("folder", nproc=40)["OMP_NUM_THREADS"] == "1"
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert "OMP_NUM_THREADS" not in launch._environment("folder", nproc=4)


def test_a_signal_that_is_ignored_is_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    ignored = {signal.SIGHUP}
    monkeypatch.setattr(
        launch.signal,
        "getsignal",
        lambda number: signal.SIG_IGN if number in ignored else signal.SIG_DFL,
    )
    assert launch._passed_on() == "SIGTERM,SIGINT,SIGQUIT"


def test_a_machine_without_loopback_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    launch._check_loopback()

    def unreachable(*_: object, **__: object) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(launch.socket, "create_connection", unreachable)
    with pytest.raises(GroupError, match=r"at 127\.0\.0\.1: Network is unreachable") as told:
        launch.launch(["train"], nproc=2, max_restarts=0)
    assert "--nproc" in told.value.hint
