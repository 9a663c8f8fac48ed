"""The route of the page Look: the views of a served model, within the bounds of the server."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="the extra [serve] is not installed")

from lumina_cli.errors import UsageError
from lumina_cli.server.api.view_request import MAX_CHARS
from lumina_cli.server.generation.models import Look, ServedModel
from tests.server.live import wait_for
from tests.server.served import served, tiny_model

PATH = "/api/look"


def looked_into(look: Look, **facts: Any) -> ServedModel:
    return replace(tiny_model(**facts), look=look)


def echo(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """A view that tells what was asked, and where."""
    if request.get("at") == 0:
        raise UsageError("there is no place 0 in the text", hint="Name another.")
    return {"asked": request, "thread": threading.current_thread().name}


def test_a_view_is_computed_in_the_thread_that_generates_and_texts_go_on() -> None:
    models = (looked_into(echo), tiny_model("blind"))
    with served(*models, max_streams=1, max_queue=2) as running:
        asked = {"view": "matters", "messages": [{"role": "user", "text": "ab"}], "at": 2}
        answer = running.send(PATH, {**asked, "model": "tiny"})
        assert answer.json == {"asked": asked, "thread": "generation"}
        assert (
            "generation" not in running.send(PATH, {"view": "source", "text": "a"}).json["thread"]
        )
        assert running.send("/v1/completions", {"prompt": "ab", "seed": 1}).status == 200
        running.wait_until_idle()
        refused = {
            "there is no place 0": {"view": "matters", "text": "ab", "at": 0},
            "can't be looked into": {"view": "next", "text": "ab", "model": "blind"},
            "no such model": {"view": "next", "text": "ab", "model": "nobody"},
            "draw_reply": {"view": "next", "text": "ab", "draw_reply": True},
            "with_maps": {"view": "heads", "text": "ab", "with_maps": True},
            "view: Input should be 'next', ": {"view": "overview", "text": "ab"},
            "at most 4000 characters": {"view": "next", "text": "a" * (MAX_CHARS + 1)},
            "more than 4,000 characters": {
                "view": "next",
                "messages": [{"role": "user", "text": "a" * (MAX_CHARS // 2 + 1)}] * 2,
            },
        }
        for message, body in refused.items():
            answer = running.send(PATH, body)
            assert answer.status in (400, 404)
            assert message in answer.error["message"]
        for raw in (b"", b"[]", b"[" * 9_999, b'{"view": "next", "text": "\xff"}', b"\0"):
            assert running.send(PATH, raw).status == 400
        assert running.send(PATH, method="GET").status == 405


def test_who_looks_takes_a_place_as_a_text_does() -> None:
    entered, may_go = threading.Event(), threading.Event()

    def slow(request: Mapping[str, Any]) -> Mapping[str, Any]:
        entered.set()
        may_go.wait(30)
        return {}

    with served(looked_into(slow), max_streams=1, max_queue=1) as running:
        body = {"view": "next", "text": "a"}
        first = threading.Thread(target=running.send, args=(PATH, body))
        first.start()
        assert entered.wait(30)
        answer = running.send(PATH, body)
        assert (answer.status, answer.error["code"]) == (429, "queue_full")
        assert answer.headers["retry-after"] == "2"
        assert running.send("/health").status == 200  # the loop goes on
        may_go.set()
        first.join()
        wait_for(lambda: running.thread.num_waiting == 0)
        assert running.send(PATH, body).status == 200


def test_a_view_that_takes_too_long_is_given_up() -> None:
    may_go = threading.Event()

    def slow(request: Mapping[str, Any]) -> Mapping[str, Any]:
        may_go.wait(30)
        return {}

    with served(looked_into(slow), request_timeout_s=0.2) as running:
        answer = running.send(PATH, {"view": "next", "text": "a"})
        may_go.set()
        assert (answer.status, answer.error["code"]) == (503, "timeout")
        running.wait_until_idle()


def test_a_stranger_sees_the_page_and_no_view() -> None:
    with served(looked_into(echo), key="k" * 20) as running:
        assert running.send("/look").status == 200
        assert running.send("/look/look.js").status == 200
        assert running.send("/look/file.js").status == 404
        body = {"view": "next", "text": "a"}
        assert running.send(PATH, body, headers={"Authorization": "Bearer x"}).status == 401
        assert running.send(PATH, body, headers={"Origin": "https://example.org"}).status == 403
        assert running.send(PATH, body).status == 200
