"""What the log tells, and what it never holds."""

import asyncio
import logging

import pytest

pytest.importorskip("starlette", reason="the extra [serve] is not installed")

from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from lumina_cli.server.http.access_log import AccessLog, escaped
from tests.server.asgi import ask


@pytest.fixture(autouse=True)
def _every_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="lumina.server")


async def answers(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a word."""
    await PlainTextResponse("a reply")(scope, receive, send)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged."""
    return [record.getMessage() for record in caplog.records]


def test_a_request_is_a_line_with_what_it_took(caplog: pytest.LogCaptureFixture) -> None:
    assert ask(AccessLog(answers), "/v1/models").status == 200
    (line,) = lines(caplog)
    assert line.startswith('127.0.0.1 "GET /v1/models" 200 0.')
    assert line.endswith("s")


def test_no_header_body_or_query_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["query_string"] = b"api_key=secret"
        await answers(scope, receive, send)

    headers = {"authorization": "Bearer secret", "cookie": "secret", "user-agent": "secret"}
    ask(AccessLog(app), method="POST", headers=headers, body=b'{"prompt": "secret"}')
    assert "secret" not in caplog.text


def test_a_path_stays_on_its_line_and_commands_no_terminal(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ask(AccessLog(answers), "/\x1b[2J\r\nGET /forged\u202e\\n", method="G\nT")
    (line,) = lines(caplog)
    assert line.startswith(r'127.0.0.1 "G\nT /\x1b[2J\r\nGET /forged\xe2\x80\xae\\n" 200 ')


def test_a_long_path_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    ask(AccessLog(answers), "/" + "a" * 10_000)
    assert len(lines(caplog)[0]) < 300


@given(text=st.text())
def test_whatever_is_logged_is_printable_and_can_be_told_apart(text: str) -> None:
    shown = escaped(text)
    assert shown.isascii()
    assert shown.isprintable() or not shown
    assert shown.encode().decode("unicode_escape") == text


def test_a_failure_is_told_with_its_place_and_the_client_hears_nothing_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("of the inside")

    answer = ask(AccessLog(fails))
    assert answer.status == 500
    assert answer.error["type"] == "server_error"
    assert b"inside" not in answer.body
    assert "RuntimeError: of the inside" in caplog.text


def test_a_client_that_goes_away_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    async def reads(scope: Scope, receive: Receive, send: Send) -> None:
        raise ClientDisconnect

    async def no_receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def no_send(_: object) -> None:
        raise AssertionError("nobody is there to read it")

    scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
    asyncio.run(AccessLog(reads)(scope, no_receive, no_send))
    assert '"POST /" 499' in lines(caplog)[0]
    assert [record.levelname for record in caplog.records] == ["INFO"]
