"""A class of twenty on one server: a room code, turns, places, limits."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="the extra [serve] is not installed")

from tests.server.served import Reply, Served, served, texts_of, tiny_model

CODE = "blue-7-whale"
NUM_CLIENTS = 20


def asking(client: str, *, code: str = CODE) -> dict[str, str]:
    return {"Authorization": f"Bearer {code}", "X-Lumina-Client": client}


def ask(server: Served, client: str, **body: Any) -> Reply:
    full = {"messages": [{"role": "user", "content": "abc"}], "stream": True, **body}
    return server.send("/v1/chat/completions", full, headers=asking(client))


def places(reply: Reply) -> list[int]:
    lines = reply.body.decode().splitlines()
    return [int(line.removeprefix(": place ")) for line in lines if line.startswith(": place ")]


def text_of(reply: Reply) -> str:
    parts = reply.body.decode().split("\n\n")
    events = [part.removeprefix("data: ") for part in parts if part.startswith("data: {")]
    return texts_of([json.loads(event) for event in events])[0]


def test_twenty_at_once_each_have_their_reply_and_see_their_place() -> None:
    with served(tiny_model(), class_code=CODE, max_streams=3) as server:
        alone = [text_of(ask(server, "alone", seed=n)) for n in range(3)]
        with ThreadPoolExecutor(NUM_CLIENTS) as pool:
            replies = list(
                pool.map(lambda n: ask(server, f"tab-{n}", seed=n % 3), range(NUM_CLIENTS))
            )
        server.wait_until_idle()
        told = server.send("/v1/models", headers=asking("x")).body.decode()
    assert [reply.status for reply in replies] == [200] * NUM_CLIENTS
    assert [text_of(reply) for reply in replies] == [alone[n % 3] for n in range(NUM_CLIENTS)]
    assert all(reply.body.endswith(b"data: [DONE]\n\n") for reply in replies)
    seen = [places(reply) for reply in replies]
    assert all(each == sorted(each, reverse=True) for each in seen)
    assert any(seen), "nobody waited although three of twenty have a place"
    assert "/" not in told.replace("application/json", "")  # no path


def test_who_asks_for_much_waits_for_what_is_on_its_way() -> None:
    with served(tiny_model(is_talkative=True), class_code=CODE, max_streams=1) as server:
        body = {"max_tokens": 200, "n": 3}
        refused = ask(server, "greedy", **body)
        assert (refused.status, refused.error["code"]) == (429, "class_limit")
        assert refused.headers["retry-after"]
        assert ask(server, "modest", max_tokens=3).status == 200


def test_the_room_code_opens_without_regard_to_capitals_and_is_not_guessed() -> None:
    with served(tiny_model(), class_code=CODE) as server:
        assert server.send("/health").status == 200
        answer = server.send("/v1/models")
        assert (answer.status, answer.error["code"]) == (401, "invalid_room_code")
        assert server.send("/v1/models", headers=asking("a", code=CODE.upper())).status == 200
        wrong = [
            server.send("/v1/models", headers=asking("a", code=f"guess-{n}")).status
            for n in range(21)
        ]
        assert wrong == [401] * 20 + [429]
