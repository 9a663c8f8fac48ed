"""A class of twenty on one server: a room code, turns, places, limits."""

import json
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="the extra [serve] is not installed")

from lumina_cli.server.api.class_limits import MAX_REQUESTS
from lumina_cli.server.security.seats import MAX_SEATS
from tests.server.live import wait_for
from tests.server.served import Reply, Served, served, texts_of, tiny_model

CODE = "blue-7-whale"
NUM_CLIENTS = 20


def asking(cookie: str = "", *, code: str = CODE) -> dict[str, str]:
    return {"Authorization": f"Bearer {code}", "Cookie": cookie}


def seat(server: Served) -> str:
    """Return the cookie that a page gets: nothing where all seats are taken."""
    answer = server.send("/v1/models", headers={**asking(), "X-Lumina-Seat": "wished"})
    assert answer.status == 200
    return answer.headers.get("set-cookie", "").partition(";")[0]


def ask(server: Served, cookie: str, **body: Any) -> Reply:
    full = {"messages": [{"role": "user", "content": "abc"}], "stream": True, **body}
    return server.send("/v1/chat/completions", full, headers=asking(cookie))


def places(reply: Reply) -> list[int]:
    lines = reply.body.decode().splitlines()
    return [int(line.removeprefix(": place ")) for line in lines if line.startswith(": place ")]


def text_of(reply: Reply) -> str:
    parts = reply.body.decode().split("\n\n")
    events = [part.removeprefix("data: ") for part in parts if part.startswith("data: {")]
    return texts_of([json.loads(event) for event in events])[0]


def test_twenty_at_once_each_have_their_reply_and_see_their_place() -> None:
    with served(tiny_model(), class_code=CODE, max_streams=3) as server:
        alone = [text_of(ask(server, "", seed=n)) for n in range(3)]
        seats = [seat(server) for _ in range(NUM_CLIENTS)]
        with ThreadPoolExecutor(NUM_CLIENTS) as pool:
            replies = list(
                pool.map(lambda n: ask(server, seats[n], seed=n % 3), range(NUM_CLIENTS))
            )
        server.wait_until_idle()
        told = server.send("/v1/models", headers=asking()).body.decode()
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
        refused = ask(server, seat(server), **body)
        assert (refused.status, refused.error["code"]) == (429, "class_limit")
        assert refused.headers["retry-after"]
        assert ask(server, seat(server), max_tokens=3).status == 200


def test_who_makes_up_names_is_one_client_all_the_same() -> None:
    """So is who deletes the cookie again and again, once all seats are taken."""
    with served(tiny_model(), class_code=CODE) as server:
        made_up = [f"lumina_seat=name-{n}" for n in range(MAX_REQUESTS + 1)]
        statuses = [ask(server, cookie, max_tokens=1).status for cookie in made_up]
        assert statuses == [200] * MAX_REQUESTS + [429]
        seats = [seat(server) for _ in range(MAX_SEATS + 1)]
        assert len({*seats} - {""}) == MAX_SEATS
        assert seats[-1] == ""
        assert ask(server, seats[0], max_tokens=1).status == 200


def test_a_seat_is_for_those_who_know_the_room_code_and_no_page_reads_it() -> None:
    with served(tiny_model(), class_code=CODE) as server:
        wish = {"X-Lumina-Seat": "wished"}
        for code in ("", "guess-1"):
            refused = server.send("/v1/models", headers={**asking(code=code), **wish})
            assert "set-cookie" not in refused.headers
        given = server.send("/v1/models", headers={**asking(), **wish}).headers["set-cookie"]
        assert given.endswith("; Path=/; HttpOnly; SameSite=Strict")
        kept = server.send("/v1/models", headers={**asking(given.partition(";")[0]), **wish})
        assert "set-cookie" not in kept.headers


def test_views_count_as_texts() -> None:
    may_go = threading.Event()

    def slow(request: Mapping[str, Any]) -> Mapping[str, Any]:
        may_go.wait(30)
        return {}

    with served(replace(tiny_model(), look=slow), class_code=CODE) as server:
        cookie, body = seat(server), {"view": "next", "text": "a"}

        def look() -> Reply:
            return server.send("/api/look", body, headers=asking(cookie))

        with ThreadPoolExecutor(2) as pool:
            both = [pool.submit(look) for _ in range(2)]
            wait_for(lambda: server.thread.num_waiting == 2)
            refused = look()
            may_go.set()
            assert [each.result().status for each in both] == [200, 200]
    assert (refused.status, refused.error["code"]) == (429, "class_limit")


def test_the_room_code_opens_without_regard_to_capitals_and_is_not_guessed() -> None:
    with served(tiny_model(), class_code=CODE) as server:
        assert server.send("/health").status == 200
        answer = server.send("/v1/models")
        assert (answer.status, answer.error["code"]) == (401, "invalid_room_code")
        assert server.send("/v1/models", headers=asking(code=CODE.upper())).status == 200
        wrong = [
            server.send("/v1/models", headers=asking(code=f"guess-{n}")).status for n in range(21)
        ]
        assert wrong == [401] * 20 + [429]
