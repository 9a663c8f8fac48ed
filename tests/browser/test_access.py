"""Whoever comes can use the page: by keys, by touch, with a screen reader, in their language."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.browser.chatting import converse, said, say
from tests.browser.fake_server import FakeApi, Reply

SIZES = {"wide": {"width": 1280, "height": 800}, "phone": {"width": 375, "height": 667}}
Looks = tuple[tuple[str, str], ...]
"""Color schemes and sizes."""

TWO_LOOKS: Looks = (("light", "wide"), ("dark", "phone"))
EVERY_LOOK: Looks = tuple(product(["light", "dark"], SIZES))
in_looks = pytest.mark.parametrize(
    "looks",
    [TWO_LOOKS, pytest.param(EVERY_LOOK, marks=pytest.mark.slow)],
    ids=["each scheme and size once", "every look"],
)
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
OF_LOOKS = ["color-contrast", "link-in-text-block", "target-size", "scrollable-region-focusable"]


def violations(page: Any, looks: Looks = TWO_LOOKS) -> list[str]:
    """Return what axe finds against WCAG 2.2 AA, target sizes among it."""
    import axe_playwright_python

    if not page.evaluate("'axe' in window"):
        script = Path(axe_playwright_python.__file__).parent / "axe.min.js"
        page.evaluate(script.read_text("utf-8"))
    return [violation for scheme, size in looks for violation in violations_as(page, scheme, size)]


def violations_as(page: Any, scheme: str, size: str) -> list[str]:
    """Return what axe finds: all of it once, then what depends on colors and sizes."""
    is_first = (scheme, size) == ("light", "wide")
    page.set_viewport_size(SIZES[size])
    page.emulate_media(color_scheme=scheme)
    what = {"runOnly": TAGS if is_first else {"type": "rule", "values": OF_LOOKS}}
    found = page.evaluate("what => axe.run(document, {...what, resultTypes: ['violations']})", what)
    assert found["passes"]
    return [
        f"{scheme} {size} {one['id']}: {node['html']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


@in_looks
def test_axe_finds_nothing_anywhere(page: Any, api: FakeApi, looks: Looks) -> None:
    assert violations(page, looks) == []
    page.click("#certainty")
    api.replies = [Reply("Hello there", probs=(0.95, 0.7, 0.3, 0.1), finish="length")]
    say(page, "hi")
    page.wait_for_selector("#notice button")
    assert violations(page, looks) == []
    page.click(".bot .text span >> nth=3")
    assert violations(page, looks) == []
    page.keyboard.press("Escape")
    page.click("article:first-child button:text-is('Edit')")
    assert violations(page, looks) == []
    for button in ("#show-settings", "#show-chats"):
        page.click(button)
        assert violations(page, looks) == []
        page.keyboard.press("Escape")
    page.evaluate("document.getElementById('key').showModal()")
    assert violations(page, looks) == []


@pytest.mark.parametrize("lang", ["en", "de"])
def test_nothing_is_wider_than_a_phone(page: Any, api: FakeApi, url: str, lang: str) -> None:
    page.set_viewport_size(SIZES["phone"])
    page.goto(f"{url}/?lang={lang}")
    page.wait_for_selector("#model-name:not(:empty)")
    converse(page, api, "hi", "Hello there. " * 20)
    page.click("#certainty")
    for button in ("#show-chats", "#show-settings"):
        page.click(button)
        assert page.evaluate("document.documentElement.scrollWidth") == 375
        page.keyboard.press("Escape")
    page.click(".bot .text span >> nth=30")
    box = page.locator("#alternatives").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 375


def test_the_whole_page_is_used_by_keys(page: Any, api: FakeApi) -> None:
    converse(page, api, "hi", "Hello there")
    reached = []
    page.evaluate("document.activeElement.blur()")
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "(({id, localName, textContent}) =>"
                " localName === 'body' ? 'page' : id || textContent)(document.activeElement)"
            )
        )
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid" or reached[-1] in ("input", "page"), reached
    names = {"show-chats", "new-chat", "show-settings", "input", "certainty", "send"}
    assert names | {"Edit", "Copy", "Retry", "Continue", "Undo"} <= set(reached)
    page.focus("#show-settings")
    page.keyboard.press("Enter")
    assert page.is_visible("#settings")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "show-settings"


def test_the_field_keeps_the_focus_from_message_to_message(page: Any, api: FakeApi) -> None:
    assert page.evaluate("document.activeElement.id") == "input"
    page.keyboard.type("hi")
    page.keyboard.press("Enter")
    page.wait_for_selector("body:not(.busy) .bot")
    page.keyboard.type("more")
    assert page.input_value("#input") == "more"


def test_shift_enter_makes_a_line(page: Any, api: FakeApi) -> None:
    page.keyboard.type("one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    page.keyboard.press("Enter")
    page.wait_for_selector("body:not(.busy) .bot")
    assert said(page)[0] == ("user", "one\ntwo")


def test_enter_of_an_input_method_sends_nothing(page: Any, api: FakeApi) -> None:
    page.fill("#input", "にほん")
    page.evaluate(
        "for (const event of [{isComposing: true}, {keyCode: 229}])"
        " document.getElementById('input').dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'Enter', bubbles: true, cancelable: true, ...event}))"
    )
    assert page.input_value("#input") == "にほん"
    assert said(page) == []
    assert api.requests == []


def test_enter_makes_a_line_on_a_touch_screen_and_the_button_sends(
    browser: Any, api: FakeApi, url: str
) -> None:
    context = browser.new_context(has_touch=True, is_mobile=True, viewport=SIZES["phone"])
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector("#model-name:not(:empty)")
    page.tap("#input")
    page.keyboard.type("one")
    page.keyboard.press("Enter")
    page.keyboard.type("two")
    page.tap("#send")
    page.wait_for_selector("body:not(.busy) .bot")
    assert said(page)[0] == ("user", "one\ntwo")
    context.close()


def test_the_conversation_is_a_log_with_named_parts(page: Any, api: FakeApi) -> None:
    converse(page, api, "hi", "Hello there")
    assert page.get_by_role("log", name="Conversation").count() == 1
    assert page.get_by_role("heading", name="Bot").count() == 1
    assert page.get_by_role("textbox", name="Write a message").count() == 1
    page.click("#certainty")
    assert page.get_by_role("button", name="Certainty", pressed=True).count() == 1


def test_nothing_moves_for_who_wants_no_motion(page: Any, api: FakeApi) -> None:
    page.emulate_media(reduced_motion="reduce")
    api.replies = [Reply("a", waits=True)]
    page.fill("#input", "hi")
    page.press("#input", "Enter")
    page.wait_for_selector(".busy .bot")
    assert page.evaluate("document.getAnimations().length") == 0


def test_it_speaks_german_to_a_german_browser_and_where_the_address_says_so(
    browser: Any, page: Any, api: FakeApi, url: str
) -> None:
    page.goto(f"{url}/?lang=de")
    assert page.inner_text("#send") == "Senden"
    assert page.get_attribute("html", "lang") == "de"
    context = browser.new_context(locale="de-CH")
    german = context.new_page()
    german.goto(url)
    assert german.inner_text("#welcome h2") == "Sag Hallo"
    context.close()
    page.goto(f"{url}/?lang=constructor")
    assert page.inner_text("#welcome h2") == "Say hello"


def test_the_reader_who_scrolled_up_stays_there(page: Any, api: FakeApi) -> None:
    converse(page, api, "hi", "line\n" * 80)
    api.replies = [Reply("more\n" * 40, waits=True)]
    page.evaluate("scrollTo(0, 0)")
    page.fill("#input", "again")
    page.press("#input", "Enter")  # goes to the end
    page.wait_for_selector("article:nth-child(4) .text:has-text('more')")
    page.evaluate("scrollTo(0, 0)")
    api.go_on = True
    page.wait_for_selector("body:not(.busy)")
    assert page.evaluate("scrollY") == 0


def test_a_notice_hides_nothing_of_the_reply_it_is_about(page: Any, api: FakeApi) -> None:
    page.set_viewport_size(SIZES["phone"])
    page.click("#certainty")
    converse(page, api, "hi", "Hello there", "and?", "more")
    api.replies = [Reply("So far", finish="length")]
    say(page, "again")
    page.wait_for_selector("#notice button")
    reply = page.locator("article:last-child .text").bounding_box()
    legend = page.locator("#legend").bounding_box()
    assert reply["y"] + reply["height"] <= legend["y"]
