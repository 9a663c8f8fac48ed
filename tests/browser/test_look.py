"""The page Look with the server it belongs to, and a tiny model."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="the extra [serve] is not installed")

from tests.browser.conftest import Watched
from tests.browser.test_access import SIZES, violations
from tests.server.looked_into import model_that_can_be_looked_into
from tests.server.served import served

KEY = "k" * 20
OVERLAPPING = {
    "view": "source",
    "asked": "xabcdey",
    "is_known": True,
    "min_chars": 3,
    "spans": [
        {"start": 1, "end": 4, "text": "abc", "num_found": 1, "places": []},
        {"start": 3, "end": 6, "text": "cde", "num_found": 2, "places": []},
    ],
    "share": 0.714,
    "is_whole": False,
    "baseline": None,
}


@pytest.fixture
def window(browser: Any, tmp_path: Path) -> Iterator[tuple[Watched, Any]]:
    """The page of a server that asks for a key."""
    model = model_that_can_be_looked_into(tmp_path, is_private=False)
    with served(model, replace(model, name="twin"), key=KEY) as running:
        watched = Watched(browser, running.url)
        yield watched, watched.context.new_page()
        watched.context.close()
        watched.check()


def show(page: Any, view: str) -> None:
    page.click(f"#tab-{view}")
    page.wait_for_selector("#view[aria-busy=false] #shown:not(:empty)")


def is_side_by_side(page: Any, size: str) -> bool:
    """Whether two models stand beside, and not below, each other; neither wider than the window."""
    page.set_viewport_size(SIZES[size])
    assert page.evaluate("document.documentElement.scrollWidth") == SIZES[size]["width"]
    left, right = (page.locator(f"#sides > div >> nth={n}").bounding_box() for n in (0, 1))
    return left["y"] == right["y"] and left["x"] + left["width"] <= right["x"]


def test_the_views_are_those_of_the_server_and_a_reply_is_drawn_as_in_the_chat(
    window: tuple[Watched, Any],
) -> None:
    watched, page = window
    page.goto(f"{watched.url}/look")
    page.click("#notice a")  # the key is asked for on the page of the chat
    page.fill("#key-input", KEY)
    page.press("#key-input", "Enter")
    page.wait_for_selector("#model-name:not(:empty)", state="attached")
    page.click("nav a")
    page.wait_for_selector("#view[aria-busy=false] .bar")
    assert page.input_value("#model") == "tiny"
    assert page.locator("#shown .figure", has_text="drawn").count() == 4
    page.fill("#set-top_k", "2")
    page.wait_for_selector("#view[aria-busy=false]")
    assert page.locator("#shown .figure", has_text="drawn").count() == 2
    page.focus("#tab-next")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "beside"
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("#other h2:has-text('twin') + p:has-text('to the last digit')")
    assert page.locator("#other .bar").count() == page.locator("#shown .bar").count()
    assert is_side_by_side(page, "wide")
    assert not is_side_by_side(page, "phone")
    assert violations(page) == []
    page.select_option("#beside", index=0)
    page.fill("#said", "abc <b>")
    page.click("#draw")
    page.wait_for_selector("#draw:enabled")
    reply = page.input_value("#reply")
    assert reply
    show(page, "surprise")
    assert page.locator("#shown .turn.bot").inner_text().replace("\n", "").startswith("bot")
    assert page.locator("#shown .turn.user span:not(.grey)").count() == 0
    page.fill("#reply", "abc de\x01f")
    show(page, "matters")
    assert page.inner_text("#shown .turn.bot [role=option] >> nth=7") == "<01>"
    page.click("#shown .turn.bot [role=option] >> nth=3")
    page.wait_for_selector(
        "#view[aria-busy=false] .turn.bot [role=option]:nth-child(4)[aria-selected=true]"
    )
    page.click("#shown [role=option] >> nth=0")  # nothing predicts it: the first that is predicted
    page.wait_for_selector("#view[aria-busy=false] [aria-selected=true]:has-text('you')")
    assert page.inner_text("#notice") == ""
    show(page, "source")
    assert "shows nobody the training text" in page.inner_text("#shown")
    page.route("**/api/look", lambda route: route.fulfill(json=OVERLAPPING))
    show(page, "source")
    page.wait_for_selector("#shown mark")
    assert page.inner_text("#shown .pieces") == "xabcdey"
    assert page.locator("#shown .pieces mark").all_inner_texts() == ["abc", "de"]
    page.unroute("**/api/look")
    page.fill("#said", "")
    page.fill("#reply", "")
    page.wait_for_selector("#shown:has-text('no words to look for')")
    assert "training text" not in page.inner_text("#shown")
    page.fill("#reply", "abc de\x01f")
    page.select_option("#model", "twin")
    page.wait_for_selector("#view[aria-busy=false] .bar")
    assert page.input_value("#reply") == "abc de\x01f"
    page.fill("#said", "a" * 5_000)
    page.wait_for_selector("#notice:has-text('more than 4,000 characters')")
    assert page.locator("#shown > *").count() == 0
