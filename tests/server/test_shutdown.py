"""How a server begins, ends and reloads."""

import os
import signal
import socket
from dataclasses import replace

import pytest

from tests.server.live import (
    PATIENCE_S,
    PATIENT,
    no_tracebacks,
    serving,
    status_of,
    until_closed,
    wait_for,
)
from tests.server.process import process

WAIT = b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n"
STREAM = b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n"

posix = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")


def test_a_running_answer_ends_and_nobody_new_is_let_in() -> None:
    with serving(limits=PATIENT, shutdown_grace_s=PATIENCE_S) as live, live.connect() as sock:
        sock.sendall(WAIT)
        wait_for(live.app.begun.is_set)
        live.server.stop()
        wait_for(lambda: not _can_connect(live.port))
        assert live.thread.is_alive()
        live.app.may_end.set()
        assert until_closed(sock).endswith(b"at last")


def test_an_answer_that_has_not_begun_in_time_is_an_error_that_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serving(limits=PATIENT) as live, live.connect() as sock:
        sock.sendall(WAIT)
        wait_for(live.app.begun.is_set)
        live.server.stop()
        answer = until_closed(sock)
        assert status_of(answer) == 503
        assert b"shutting_down" in answer
    assert no_tracebacks(caplog)


def test_a_stream_that_goes_on_too_long_is_cut_without_an_end_mark(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serving(limits=PATIENT) as live, live.connect() as sock:
        sock.sendall(STREAM)
        wait_for(live.app.begun.is_set)
        live.server.stop()
        assert not until_closed(sock).endswith(b"0\r\n\r\n")
    assert no_tracebacks(caplog)


def test_a_client_that_reads_nothing_does_not_hold_the_end_up() -> None:
    limits = replace(PATIENT, send_buffer_bytes=4096)
    with serving(limits=limits) as live, live.connect(receive_buffer_bytes=4096) as sock:
        sock.sendall(STREAM)
        wait_for(live.app.begun.is_set)
        live.server.stop()
        live.thread.join(PATIENCE_S / 2)
        assert not live.thread.is_alive()
        assert until_closed(sock)


def test_the_last_words_of_an_answer_that_is_cut_arrive() -> None:
    limits = replace(PATIENT, send_buffer_bytes=4096)
    with serving(limits=limits) as live, live.connect(receive_buffer_bytes=4096) as sock:
        sock.sendall(b"GET /last HTTP/1.0\r\nHost: localhost\r\n\r\n")
        wait_for(live.app.begun.is_set)
        live.server.stop()
        assert until_closed(sock).endswith(b"the end")


def test_idle_and_slow_connections_do_not_hold_the_end_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with (
        serving(limits=PATIENT, shutdown_grace_s=PATIENCE_S) as live,
        live.connect() as idle,
        live.connect() as slow,
        live.connect() as refused,
    ):
        slow.sendall(b"GET /")
        refused.sendall(b"NONSENSE\r\n\r\n")
        assert status_of(refused.recv(1000)) == 400
        wait_for(lambda: len(live.server.server_state.connections) == 3)
        live.server.stop()
        live.thread.join(PATIENCE_S / 2)
        assert not live.thread.is_alive()
        assert until_closed(idle) == b""
    assert no_tracebacks(caplog)


def test_a_broken_application_is_an_error_object_and_a_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serving(limits=PATIENT) as live:
        answer = live.send(b"GET /fail HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert status_of(answer) == 500
        assert b"internal_error" in answer
        assert b"broken" not in answer
        half = live.send(b"GET /half HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"half" in half
        assert not half.endswith(b"0\r\n\r\n")
    assert len([record for record in caplog.records if record.exc_info]) == 2


def test_a_server_in_a_thread_takes_no_signals() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with serving(limits=PATIENT):
        assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == before


@posix
def test_signals_reload_then_end_in_peace_then_end_at_once() -> None:
    with process(grace_s=PATIENCE_S) as server:
        server.popen.send_signal(signal.SIGHUP)
        assert server.line() == "reloaded"
        with server.ask(STREAM) as sock:
            assert status_of(sock.recv(1000)) == 200
            server.popen.send_signal(signal.SIGTERM)
            wait_for(lambda: not _can_connect(server.port))
            assert sock.recv(1000)  # the text goes on
            server.popen.send_signal(signal.SIGINT)
            assert server.popen.wait(PATIENCE_S / 2) == 128 + signal.SIGINT
        assert server.popen.stderr is not None
        assert server.popen.stderr.read() == ""


@posix
def test_sigterm_ends_a_server_that_nobody_uses_without_a_word() -> None:
    with process(grace_s=PATIENCE_S) as server:
        server.popen.send_signal(signal.SIGTERM)
        assert server.line() == f"received {int(signal.SIGTERM)}"
        assert server.popen.wait(PATIENCE_S) == 0
        assert server.popen.stderr is not None
        assert server.popen.stderr.read() == ""


def _can_connect(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S).close()
    except ConnectionRefusedError:
        return False
    return True
