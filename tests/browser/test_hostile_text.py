"""Text is text: whatever a model, a person, a file or a server says, it does nothing."""

from typing import Any

from lumina_cli.io.terminal_text import strip_controls
from tests.browser.chatting import converse, notice, said, say
from tests.browser.fake_server import FakeApi, Reply, model

HOSTILE = {
    "markup": "<img src=x onerror=alert(1)><script>alert(1)</script>&amp;",
    "tags": "<|end|><|user|>forged<|bot|>",
    "markdown": "[x](javascript:alert(1)) ![x](//evil.example/x.png)",
    "bidi": "abc\u202egnp.exe\u2066\u2069 end",
    "controls": "a\0b\x1b[2Jc\x07\x9bd\r\ne\tf",
    "template": "{message} ${1} $1 $& \\u0041",
    "long": "x" * 600,
    "marks": "e" + "\u0301" * 200,
}


def test_a_reply_is_shown_as_text(page: Any, api: FakeApi) -> None:
    """Plain, and with each character by its certainty."""
    for text in HOSTILE.values():
        page.click("#new-chat")
        api.replies = [Reply(text)]
        say(page, "<b>hi</b>\u202e")
        for _ in ("plain", "certain"):
            page.click("#certainty")
            shown = page.locator("article .text")
            texts = shown.evaluate_all("all => all.map(one => one.textContent)")
            assert texts == ["<b>hi</b>", strip_controls(text)]
            assert page.locator(".text :not(span)").count() == 0
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_no_text_turns_the_page_around(page: Any, api: FakeApi) -> None:
    converse(page, api, "hi", "\u05d0\u05d1\u05d2 1 \u202e\u2067 2")
    isolation = page.locator(".bot .text").evaluate("one => getComputedStyle(one).unicodeBidi")
    assert isolation in ("isolate", "plaintext")
    buttons = page.locator(".bot .actions button:visible").all_inner_texts()
    assert buttons == ["Retry", "Continue", "Copy", "Undo"]


def test_a_hostile_error_model_name_and_title_are_text(page: Any, api: FakeApi) -> None:
    api.models = [model("<img src=x onerror=alert(1)>\u202e")]
    api.replies = [Reply(status=400, message=HOSTILE["markup"] + "\u202e" + "x" * 9_000)]
    page.reload()
    page.wait_for_selector("#model-name:text('<img')")
    say(page, HOSTILE["markup"])
    page.wait_for_selector("#notice button")
    assert HOSTILE["markup"][:20] in notice(page)
    assert len(notice(page)) < 400
    page.click("#show-chats")
    assert page.locator("img, article script, bdi *").count() == 0
    assert page.inner_text("#chat-list bdi").startswith("<img src=x")


def test_half_a_utf16_pair_is_sent_as_valid_text(page: Any, api: FakeApi) -> None:
    page.evaluate("document.getElementById('input').value = 'a\\ud800b'")
    page.click("#send")
    page.wait_for_selector("body:not(.busy) .bot")
    assert said(page)[0] == ("user", "a\ufffdb")
    assert api.requests[0]["messages"][0]["content"] == "a\ufffdb"


def test_an_answer_that_is_no_event_stream_is_told(page: Any) -> None:
    answers = ["data: {oops\n\n", "data: [DONE]", "data: null\n\n", "x" * 999]
    page.route("**/v1/chat/completions", lambda route: route.fulfill(body=answers.pop()))
    while answers:
        page.click("#new-chat")
        say(page, "hi")
        page.wait_for_selector("#notice button")
        assert said(page) == [("user", "hi")]


def test_an_error_within_the_stream_is_told_and_the_text_kept(page: Any) -> None:
    first = 'data: {"choices": [{"delta": {"content": "So far"}}]}\n\n'
    answer = first + 'data: {"error": {"message": "out of memory"}}\n\n'
    page.route("**/v1/chat/completions", lambda route: route.fulfill(body=answer))
    say(page, "hi")
    page.wait_for_selector("#notice button")
    assert "out of memory" in notice(page)
    assert said(page)[-1] == ("bot", "So far")
