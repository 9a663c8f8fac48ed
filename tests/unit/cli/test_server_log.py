"""The server's log on a disk that fails."""

import errno
import io
import logging
from collections.abc import Iterator

import pytest

pytest.importorskip("uvicorn", reason="the extra [serve] is not installed")

from lumina_cli.cli.commands.serve import log_to_stderr


class Failing(io.StringIO):
    """A stream for which there is no room at first."""

    def __init__(self, *, num_failures: int) -> None:
        super().__init__()
        self.num_failures = num_failures

    def write(self, text: str) -> int:
        if self.num_failures:
            self.num_failures -= 1
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    found = logging.getLogger("lumina.server")
    before = (found.handlers, found.propagate, found.level)
    yield found
    found.handlers, found.propagate = before[:2]
    found.setLevel(before[2])


@pytest.mark.parametrize("num_failures", [1, 2, 100])
def test_a_line_that_can_not_be_written_is_lost_and_nothing_else_is_said(
    logger: logging.Logger, monkeypatch: pytest.MonkeyPatch, num_failures: int
) -> None:
    stream = Failing(num_failures=num_failures)
    monkeypatch.setattr("sys.stderr", stream)
    log_to_stderr(is_verbose=True)
    for number in range(102):
        logger.info("request %d", number)
    lines = stream.getvalue().splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == [*map(str, range(num_failures, 102))]


def test_a_stream_that_a_shell_has_closed_is_no_reason_to_fail(
    logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", None)
    log_to_stderr(is_verbose=True)
    logger.error("nobody reads this")
