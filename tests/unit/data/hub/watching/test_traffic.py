"""What comes from a hub, counted and bounded, with a clock of the test."""

import socket
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub.utils import http_backoff

from lumina_cli.data.hub.watching.deadlines import Deadlines
from lumina_cli.data.hub.watching.traffic import RefusedAnswerError, Traffic, watched_library


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def request(url: str = "http://hub/api/x") -> Any:
    return SimpleNamespace(method="GET", url=url, headers={}, extensions={})


def head(status: int = 200, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return SimpleNamespace(status_code=status, headers=named)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def traffic(clock: Clock) -> Traffic:
    traffic = Traffic(Deadlines(), clock=clock)
    traffic.begin(request("http://hub/datasets/a/b/resolve/x/y.json"))
    return traffic


def test_a_hub_that_answers_in_time_is_no_trouble(traffic: Traffic, clock: Clock) -> None:
    traffic.is_searching = False
    clock.now_s += 19
    traffic.saw_head(head())
    for _ in range(10):
        clock.now_s += 10
        traffic.saw_bytes(20_000, is_aside=False)
        assert traffic.trouble() is None
    assert traffic.done_bytes == 200_000


def test_a_head_that_does_not_come_is_trouble(traffic: Traffic, clock: Clock) -> None:
    clock.now_s += 21
    assert traffic.trouble() == "it has not answered within 20 s"


def test_silence_in_a_body_is_trouble_and_time_between_questions_is_none(
    traffic: Traffic, clock: Clock
) -> None:
    traffic.saw_head(head())
    clock.now_s += 31
    assert traffic.trouble() == "it has sent nothing more for 30 s"
    traffic.end()
    assert traffic.trouble() is None


def test_a_body_that_drips_is_trouble_after_a_minute(traffic: Traffic, clock: Clock) -> None:
    traffic.saw_head(head())
    for _ in range(60):
        clock.now_s += 1
        traffic.saw_bytes(1, is_aside=False)
        assert traffic.trouble() is None
    clock.now_s += 1
    assert traffic.trouble() == "it has sent 60 bytes in 60 s"


def test_a_search_and_the_whole_have_an_end(traffic: Traffic, clock: Clock) -> None:
    traffic.end()
    clock.now_s += 181
    assert traffic.trouble() == "it has not told within 180 s which files there are"
    traffic.is_searching = False
    assert traffic.trouble() is None
    clock.now_s += 24 * 3600
    assert traffic.trouble() == "it has not sent all within 86400 s"


@pytest.mark.parametrize(
    "answer",
    [
        head(content_encoding="gzip"),
        head(429, retry_after="31"),
        head(503, retry_after="9" * 18),
        head(429, ratelimit='"api";r=0;t=31'),
    ],
)
def test_an_answer_is_refused_by_its_head(traffic: Traffic, answer: Any) -> None:
    with pytest.raises(RefusedAnswerError):
        traffic.saw_head(answer)
    with pytest.raises(RefusedAnswerError):
        traffic.begin(request())  # whatever the library makes of the first


@pytest.mark.parametrize("answer", [head(429, retry_after="30"), head(retry_after="99"), head(404)])
def test_a_short_wait_is_granted(traffic: Traffic, answer: Any) -> None:
    traffic.saw_head(answer)


def test_a_file_may_be_as_long_as_it_is_listed(clock: Clock) -> None:
    traffic = Traffic(Deadlines(), clock=clock)
    traffic.max_file_bytes = 10
    traffic.begin(request("http://hub/datasets/a/b/resolve/x/y.json"))
    traffic.saw_head(head())
    traffic.saw_bytes(10, is_aside=False)
    with pytest.raises(RefusedAnswerError, match="longer than 10 bytes"):
        traffic.saw_bytes(1, is_aside=False)


def test_all_answers_that_are_no_files_are_bounded_together(clock: Clock) -> None:
    traffic = Traffic(Deadlines(max_answer_bytes=10), clock=clock)
    for _ in range(2):
        traffic.begin(request())
        traffic.saw_head(head())
        traffic.saw_bytes(5, is_aside=False)
        traffic.end()
    traffic.begin(request())
    traffic.saw_head(head())
    with pytest.raises(RefusedAnswerError):
        traffic.saw_bytes(1, is_aside=False)
    assert traffic.done_bytes == 0


def test_each_wait_of_a_socket_has_an_end() -> None:
    asked = request()
    asked.extensions["timeout"] = {"read": None, "connect": 3.0}
    Traffic(Deadlines(silence_s=5)).begin(asked)
    assert asked.extensions["timeout"] == {"read": 10, "connect": 3.0, "write": 10, "pool": 10}
    assert asked.headers["accept-encoding"] == "identity"


def test_a_question_that_nobody_waits_for_leaves_the_client_of_the_next_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where it can't connect, the library closes the client that all threads share."""
    traffic = Traffic(Deadlines())

    def refuse(*_: Any, **__: Any) -> None:
        traffic.stop()
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse)
    with watched_library(traffic):
        client = huggingface_hub.get_session()
        with pytest.raises(RefusedAnswerError, match="nobody waits"):
            http_backoff("GET", "http://127.0.0.1:9/api/x", base_wait_time=0.01, max_retries=2)
        assert not client.is_closed


def test_one_that_ends_late_leaves_the_client_of_the_next_alone() -> None:
    first, second = Traffic(Deadlines()), Traffic(Deadlines())
    late = watched_library(first)
    late.__enter__()
    with watched_library(second):
        client = huggingface_hub.get_session()
        late.__exit__(None, None, None)
        assert huggingface_hub.get_session() is client
        assert not client.is_closed
