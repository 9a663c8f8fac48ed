"""The page with the server it belongs to, and a tiny model."""

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="the extra [serve] is not installed")

from tests.browser.chatting import choose, said, say
from tests.browser.conftest import DEADLINE_MS
from tests.server.live import wait_for
from tests.server.served import Served, served, tiny_model

GREEDY = '{"sampler": "greedy", "max_chars": 24}'
ENDLESS = '{"sampler": "nucleus", "temperature": 1, "top_p": 1, "max_chars": 1000000}'


@pytest.fixture(scope="module")
def window(browser: Any) -> Iterator[Any]:
    """A page of a new profile; each server has an address of its own, and so nothing in the
    storage. An error of the page fails the last test."""
    context = browser.new_context(locale="en-US")
    context.set_default_timeout(DEADLINE_MS)
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    yield context.new_page()
    context.close()
    assert errors == []


def visit(window: Any, running: Served, *, sampling: str = "") -> None:
    """Open the page, with these settings as those that were used last."""
    window.goto(running.url)
    if sampling:
        window.evaluate("text => localStorage.setItem('lumina.sampling', text)", sampling)
        window.reload()
    window.wait_for_selector("#model-name:not(:empty)", state="attached")


def begin_reply(window: Any, running: Served) -> None:
    window.fill("#input", "abc")
    window.press("#input", "Enter")
    window.wait_for_selector("body.busy .bot .text:not(:empty)")
    assert running.thread.num_running == 1


def test_a_conversation_goes_on_and_another_character_is_chosen(window: Any) -> None:
    with served(tiny_model(is_talkative=True)) as running:
        visit(window, running, sampling=GREEDY)
        window.click("#certainty")
        say(window, "abc")
        begun = said(window)[-1][1]
        assert begun
        choose(window, "Continue")
        assert said(window)[-1][1].startswith(begun)
        assert len(said(window)[-1][1]) > len(begun)

        window.click(".bot .text span >> nth=4")
        window.click("#alternatives button[aria-current=false]:enabled >> nth=0")
        wait_for(lambda: said(window)[-1][1][4] != begun[4])
        window.wait_for_selector("body:not(.busy)")
        other = said(window)[-1][1]
        assert other[:4] == begun[:4]
        say(window, "and?")
        assert [role for role, _ in said(window)] == ["user", "bot", "user", "bot"]


def test_stop_frees_the_row_of_a_text_without_end(window: Any) -> None:
    with served(tiny_model(is_talkative=True)) as running:
        visit(window, running, sampling=ENDLESS)
        begin_reply(window, running)
        window.click("#send")
        running.wait_until_idle()
        window.wait_for_selector("body:not(.busy)")
        assert said(window)[-1][1]


def test_a_reply_goes_on_after_the_server_was_started_anew(window: Any) -> None:
    with served(tiny_model(is_talkative=True)) as running:
        port = running.address[1]
        visit(window, running, sampling=ENDLESS)
        begin_reply(window, running)
    window.wait_for_selector("body:not(.busy)")
    begun = said(window)[-1][1]
    window.click("#notice button:text-is('Continue')")
    window.wait_for_selector("#notice button:text-is('Retry')")  # nobody answers yet
    assert said(window)[-1][1] == begun
    with served(tiny_model(is_talkative=True), port=port) as running:
        window.click("#notice button:text-is('Retry')")
        wait_for(lambda: len(said(window)[-1][1]) > len(begun))
        window.click("#send")
        running.wait_until_idle()
        window.wait_for_selector("body:not(.busy)")
        assert said(window)[-1][1].startswith(begun)


def test_a_model_with_more_stop_texts_than_a_request_may_have_can_be_talked_to(
    window: Any,
) -> None:
    stops = tuple(f"{letter}." for letter in "abcdef")
    sampling = tiny_model().sampling.model_copy(update={"stop": stops})
    with served(tiny_model(is_talkative=True, sampling=sampling)) as running:
        visit(window, running)
        say(window, "abc")
        assert said(window)[-1][0] == "bot"
        assert said(window)[-1][1]


def test_in_a_class_a_browser_keeps_its_seat(window: Any) -> None:
    with served(tiny_model(), class_code="blue-7-whale") as running:
        window.goto(running.url)
        window.fill("#key-input", "Blue-7-Whale")
        window.press("#key-input", "Enter")
        window.wait_for_selector("#model-name:not(:empty)", state="attached")
        say(window, "abc")
        kept = window.context.cookies()
        assert [(one["name"], one["httpOnly"]) for one in kept] == [("lumina_seat", True)]
        window.reload()
        window.wait_for_selector("#model-name:not(:empty)", state="attached")
        assert window.context.cookies() == kept
        window.evaluate("sessionStorage.clear()")
