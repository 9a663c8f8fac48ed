"""Requests of the API at random, to the real application: each is answered in the API's forms."""

import gc
import http.client
import json
import os
import random
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.server.live import PATIENCE_S, no_tracebacks, open_sockets, resident_bytes
from tests.server.served import Served, served, tiny_model

AT_ONCE = 8
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 5, 21, 0.05, 1.5, -0.0, 1e-320, 1e308, 2**63, 10**40),
    *("", "a", "abc\x00", "<|end|>", "é😀\u202e", "tiny", "auto", "x" * 3_000),
    *([], ["a"], ["", "b"], [1, 2], [None], ["a"] * 5, [[]], {}, {"type": "text"}, {"7": 100}),
    *({"300": -100}, {"999999": 1}, {"include_usage": True}, [{"role": "user", "content": "abc"}]),
)
FIELDS: dict[str, tuple[Any, ...]] = {
    "model": ("tiny", "other", "third"),
    "stream": (True, False),
    "stream_options": ({"include_usage": True}, {}),
    "max_tokens": (1, 3, 9),
    "max_completion_tokens": (2, 5),
    "temperature": (0, 0.1, 1, 2),
    "top_p": (0, 0.5, 1),
    "top_k": (-1, 1, 4),
    "min_p": (0, 0.2, 1),
    "repetition_penalty": (1, 1.7),
    "seed": (0, -5, 2**63 - 1),
    "store": (False,),
    "stop": ("a", ["b", "cd"], []),
    "n": (1, 2, 4),
    "logit_bias": ({}, {"5": -100}, {"201": 60, "175": 60}),
    "logprobs": (True, False, 0, 3),
    "top_logprobs": (0, 2),
    "truncate": (True, False),
    "continue_final_message": (True,),
    "tools": ([], None),
    "user": ("eve",),
}
TEXTS = ("", "abc", "ab " * 30, "é", "<|user|>", "\x00\x1b[2J")
ROLES = ("user", "assistant", "system", "developer", "tool")


def some_messages(draw: random.Random) -> list[Any]:
    return [
        {"role": draw.choice(ROLES[: draw.choice([2, 5])]), "content": draw.choice(TEXTS)}
        for _ in range(draw.choice([1, 1, 2, 5]))
    ]


def some_body(draw: random.Random) -> tuple[str, bytes]:
    """Return a path and a body: a valid one, of which some fields and bytes are changed."""
    path = draw.choice(["/v1/chat/completions", "/v1/completions"])
    name = "messages" if "chat" in path else "prompt"
    is_text = name == "prompt"
    body: dict[str, Any] = {name: draw.choice(TEXTS) if is_text else some_messages(draw)}
    for field in draw.sample(list(FIELDS), draw.choice([0, 1, 1, 2, 3, 8])):
        body[field] = draw.choice(FIELDS[field])
    body.setdefault("max_tokens", draw.choice([1, 4, 12]))
    for _ in range(draw.choice([0, 0, 0, 1, 2])):
        _change(body, draw)
    raw = json.dumps(body, ensure_ascii=draw.random() < 0.5).encode()
    return path, _damaged(raw, draw) if draw.random() < 0.1 else raw


def _change(value: Any, draw: random.Random) -> None:
    """Put something odd in one place, however deep."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    if not keys:
        return
    key = draw.choice(keys)
    if isinstance(value[key], dict | list) and value[key] and draw.random() < 0.6:
        value[key] = json.loads(json.dumps(value[key]))  # what is drawn from stays as it is
        _change(value[key], draw)
    elif isinstance(value, dict) and draw.random() < 0.2:
        value[draw.choice([*FIELDS, "role", "content", "\x00", "k" * 500])] = value.pop(key)
    else:
        value[key] = draw.choice(ODD)


def _damaged(raw: bytes, draw: random.Random) -> bytes:
    """Return a body with some of its bytes exchanged, taken out or put in."""
    at = draw.randrange(len(raw))
    some = draw.choice([b"", b"NaN", b"\xff", b'"', b"{", b"]", b"\\ud800", b"[" * 300, b"1e999"])
    return raw[:at] + some + raw[at + draw.choice([0, 0, 1, 4]) :]


def ask(connection: http.client.HTTPConnection, path: str, body: bytes) -> int:
    """Send a request; return its status once its answer is checked."""
    connection.request("POST", path, body)
    answer = connection.getresponse()
    raw = answer.read()
    if answer.status != 200:
        error = json.loads(raw)["error"]
        assert set(error) == {"message", "type", "param", "code"}, body
        assert answer.status in (400, 404), (body, raw)
        assert error["message"], body
        assert error["code"], body
        assert len(raw) < 2_000, body
    elif answer.headers["content-type"] == "application/json":
        assert all(choice["finish_reason"] for choice in json.loads(raw)["choices"]), body
    else:
        *events, last, rest = raw.decode().split("\n\n")
        assert (last, rest) == ("data: [DONE]", ""), body
        ends = [c for e in events for c in json.loads(e[6:])["choices"] if c["finish_reason"]]
        assert len({choice["index"] for choice in ends}) == len(ends) > 0, body
    return answer.status


def fuzz(running: Served, *, num_requests: int, seed: int) -> dict[int, int]:
    """Send requests, some at once; return how many had each status."""

    def send_some(number: int) -> list[int]:
        draw = random.Random(f"{seed} {number}")
        connection = http.client.HTTPConnection(*running.address, timeout=PATIENCE_S)
        try:
            return [ask(connection, *some_body(draw)) for _ in range(num_requests // AT_ONCE)]
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = [status for part in pool.map(send_some, range(AT_ONCE)) for status in part]
    running.wait_until_idle()
    return {status: found.count(status) for status in set(found)}


@pytest.fixture
def running() -> Iterator[Served]:
    """A server with two models."""
    with served(tiny_model(), tiny_model("other", seed=4)) as running:
        yield running


def test_400_requests_at_random_are_answered_in_the_forms_of_the_api(
    running: Served, caplog: pytest.LogCaptureFixture
) -> None:
    found = fuzz(running, num_requests=400, seed=0)
    assert found[200] > 60
    assert found[400] > 100
    assert no_tracebacks(caplog)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory and files are counted in /proc")
def test_10000_requests_at_random_leave_nothing_behind(
    running: Served, caplog: pytest.LogCaptureFixture
) -> None:
    seed = int(os.environ.get("LUMINA_FUZZ_SEED", "1"))
    fuzz(running, num_requests=2_000, seed=seed)
    gc.collect()
    files_before, bytes_before = open_sockets(), resident_bytes()
    fuzz(running, num_requests=8_000, seed=seed + 1)
    gc.collect()
    assert no_tracebacks(caplog)
    assert open_sockets() <= files_before
    assert resident_bytes() - bytes_before < 10_000_000
