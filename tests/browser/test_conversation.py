"""A conversation on the page, with a server that answers, is stopped, dies and refuses."""

from typing import Any

import pytest

from tests.browser.chatting import asked, choose, converse, notice, press_notice, said, say
from tests.browser.fake_server import FakeApi, Reply, model, wait_until

HI = [("user", "hi"), ("bot", "Hello there")]


def test_a_message_is_answered_and_the_next_one_carries_what_was_said(
    page: Any, api: FakeApi
) -> None:
    converse(page, api, "hi", "Hello there", "and?", "more\nthan one line")
    assert said(page) == [*HI, ("user", "and?"), ("bot", "more\nthan one line")]
    assert asked(api) == [("user", "hi"), ("assistant", "Hello there"), ("user", "and?")]
    assert page.input_value("#input") == ""
    assert page.title() == "hi · lumina"


def test_the_request_holds_what_the_sampler_uses_and_no_more(page: Any, api: FakeApi) -> None:
    say(page, "hi")
    request = {**api.requests[0]}
    assert 0 <= request.pop("seed") < 2**63
    assert request == {
        "model": "Model",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0.8,
        "top_p": 0.9,
        "repetition_penalty": 1,
        "max_tokens": 1000,
        "truncate": True,
        "stream": True,
        "stream_options": {"include_usage": True},
        "logprobs": True,
        "top_logprobs": 5,
    }


def test_a_reply_is_seen_as_it_comes_and_the_log_is_busy_until_its_end(
    page: Any, api: FakeApi
) -> None:
    api.replies = [Reply("Half a re", waits=True)]
    page.fill("#input", "hi")
    page.click("#send")
    page.wait_for_selector(".bot .text:text-is('Half a re')")
    assert page.get_attribute("#log", "aria-busy") == "true"
    assert page.inner_text("#send") == "Stop"
    api.go_on = True
    page.wait_for_selector("#log[aria-busy=false]")
    assert page.inner_text("#send") == "Send"


def test_who_waits_sees_the_place_in_the_queue(page: Any, api: FakeApi) -> None:
    api.replies = [Reply("My turn", places=(12, 11))]
    page.fill("#input", "hi")
    page.click("#send")
    page.wait_for_selector("#notice :text-is('Your place in the queue: 11')")
    api.go_on = True
    page.wait_for_selector("#log[aria-busy=false]")
    assert said(page)[-1] == ("bot", "My turn")
    assert notice(page) == ""


@pytest.mark.parametrize("how", ["button", "escape"])
def test_stop_stops_the_server_and_keeps_what_was_said(page: Any, api: FakeApi, how: str) -> None:
    api.replies = [Reply("So far", waits=True)]
    page.fill("#input", "hi")
    page.press("#input", "Enter")
    page.wait_for_selector(".bot .text:text-is('So far')")
    if how == "button":
        page.click("#send")
    else:
        page.keyboard.press("Escape")
    page.wait_for_selector("body:not(.busy)")
    wait_until(lambda: api.num_disconnects == 1)
    assert said(page)[-1] == ("bot", "So far")
    assert notice(page) == ""


def test_stop_before_the_first_word_leaves_a_question_that_can_be_answered(
    page: Any, api: FakeApi
) -> None:
    api.replies = [Reply(waits=True), Reply("Now")]
    page.fill("#input", "hi")
    page.press("#input", "Enter")
    page.wait_for_selector("body.busy")
    page.click("#send")
    page.wait_for_selector("body:not(.busy)")
    assert said(page) == [("user", "hi")]
    choose(page, "Retry")
    assert said(page)[-1] == ("bot", "Now")


def test_what_is_typed_while_a_reply_comes_stays(page: Any, api: FakeApi) -> None:
    api.replies = [Reply("a", waits=True)]
    page.fill("#input", "hi")
    page.press("#input", "Enter")
    page.wait_for_selector(".bot .text:text-is('a')")
    page.fill("#input", "next")
    page.press("#input", "Enter")
    assert page.input_value("#input") == "next"
    assert len(api.requests) == 1


def test_a_server_that_dies_in_mid_reply_is_told_and_the_reply_goes_on(
    page: Any, api: FakeApi
) -> None:
    api.replies = [Reply("Half ", waits=True, dies=True), Reply("and half")]
    page.fill("#input", "hi")
    page.press("#input", "Enter")
    page.wait_for_selector(".bot .text:has-text('Half')")
    api.go_on = True
    page.wait_for_selector("#notice button")
    assert said(page)[-1] == ("bot", "Half ")
    assert "broke off" in notice(page)
    press_notice(page, "Continue")
    assert said(page) == [("user", "hi"), ("bot", "Half and half")]
    assert asked(api) == [("user", "hi"), ("assistant", "Half ")]
    assert api.requests[-1]["continue_final_message"] is True


def test_what_comes_to_nothing_is_told_and_tried_again_by_hand(page: Any, api: FakeApi) -> None:
    for reply, told in (
        (Reply(dies=True), "The server does not answer"),
        (Reply(status=429, headers={"Retry-After": "7"}), "queue is full. Try again in 7 s"),
        (Reply(status=400, message="too <b>long</b>"), "refused this: too <b>long</b>"),
        (Reply(status=500, message=""), "refused this"),
    ):
        page.click("#new-chat")
        api.requests.clear()
        api.replies = [reply, Reply("At last")]
        say(page, "hi")
        page.wait_for_selector("#notice button")
        assert told in notice(page)
        assert said(page) == [("user", "hi")]
        assert len(api.requests) == 1
        press_notice(page, "Retry")
        assert said(page) == [("user", "hi"), ("bot", "At last")]


def test_a_server_that_is_not_there_is_told(page: Any, api: FakeApi) -> None:
    page.route("**/v1/chat/completions", lambda route: route.abort())
    say(page, "hi")
    page.wait_for_selector("#notice button")
    assert "Is lumina serve still running?" in notice(page)


def test_retry_draws_anew_and_can_be_undone(page: Any, api: FakeApi) -> None:
    converse(page, api, "hi", "Hello there")
    api.replies = [Reply("Hey")]
    choose(page, "Retry")
    assert said(page) == [("user", "hi"), ("bot", "Hey")]
    assert asked(api) == [("user", "hi")]
    assert api.requests[1]["seed"] == api.requests[0]["seed"] + 1
    press_notice(page, "Undo")
    assert said(page) == HI


def test_a_retry_that_fails_keeps_the_reply(page: Any, api: FakeApi) -> None:
    converse(page, api, "hi", "Hello there")
    api.replies = [Reply(status=429)]
    choose(page, "Retry")
    page.wait_for_selector("#notice button")
    assert said(page) == HI


def test_a_message_of_ones_own_is_changed_and_what_followed_can_be_had_back(
    page: Any, api: FakeApi
) -> None:
    converse(page, api, "hi", "Hello there", "and?", "more")
    api.replies = [Reply("Good day")]
    page.click("article:first-child button:text-is('Edit')")
    assert page.input_value("#input") == "hi"
    page.fill("#input", "good day")
    page.press("#input", "Enter")
    page.wait_for_selector("#notice button:text-is('Undo')")
    assert said(page) == [("user", "good day"), ("bot", "Good day")]
    press_notice(page, "Undo")
    assert said(page) == [*HI, ("user", "and?"), ("bot", "more")]


def test_a_change_that_is_given_up_changes_nothing(page: Any, api: FakeApi) -> None:
    converse(page, api, "hi", "Hello there")
    page.fill("#input", "a draft")
    page.click("article:first-child button:text-is('Edit')")
    page.fill("#input", "other")
    press_notice(page, "Cancel")
    assert page.input_value("#input") == "a draft"
    assert said(page) == HI
    assert len(api.requests) == 1


def test_undo_takes_back_the_last_message_into_the_field(page: Any, api: FakeApi) -> None:
    converse(page, api, "hi", "Hello there", "and?", "more")
    choose(page, "Undo")
    assert said(page) == HI
    assert page.input_value("#input") == "and?"
    press_notice(page, "Undo")
    assert said(page)[2:] == [("user", "and?"), ("bot", "more")]
    assert page.input_value("#input") == ""


def test_a_reply_that_is_as_long_as_allowed_goes_on(page: Any, api: FakeApi) -> None:
    api.replies = [Reply("One two", finish="length"), Reply(" three")]
    say(page, "count")
    assert "as long as the settings allow" in notice(page)
    press_notice(page, "Continue")
    assert said(page)[-1] == ("bot", "One two three")


def test_a_model_that_adds_nothing_is_told(page: Any, api: FakeApi) -> None:
    converse(page, api, "hi", "Hello there")
    api.replies = [Reply("")]
    choose(page, "Continue")
    assert "without another word" in notice(page)
    assert said(page) == HI


def test_a_reply_is_copied(page: Any, api: FakeApi) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    converse(page, api, "hi", "Hello there")
    choose(page, "Copy")
    page.wait_for_selector("#notice:not(:empty)")
    assert page.evaluate("navigator.clipboard.readText()") == "Hello there"


def test_a_key_is_asked_for_kept_in_the_tab_alone_and_asked_for_again_if_wrong(
    page: Any, api: FakeApi
) -> None:
    api.key = "secret"
    page.reload()
    page.fill("#key-input", "wrong")
    page.press("#key-input", "Enter")
    page.wait_for_selector("#key-wrong:not(:empty)")
    page.fill("#key-input", "secret")
    page.press("#key-input", "Enter")
    page.wait_for_selector("#model-name:text-is('Model')")
    converse(page, api, "hi", "Hello there")
    assert said(page) == HI
    assert "secret" not in page.evaluate("JSON.stringify({...localStorage}) + document.cookie")
    page.reload()
    page.wait_for_selector("#model-name:text-is('Model')")


def test_a_key_that_is_wanted_in_mid_chat_is_asked_for_and_the_message_sent(
    page: Any, api: FakeApi
) -> None:
    api.key = "new"
    api.replies = [Reply("Hello there")]
    page.fill("#input", "hi")
    page.press("#input", "Enter")
    page.fill("#key-input", "new")
    page.press("#key-input", "Enter")
    page.wait_for_selector("body:not(.busy) .bot")
    assert said(page) == HI


def test_one_of_several_models_is_chosen_and_remembered(page: Any, api: FakeApi) -> None:
    api.models = [model("small"), model("large")]
    page.reload()
    page.select_option("#model", "large")
    say(page, "hi")
    assert api.requests[-1]["model"] == "large"
    page.reload()
    page.wait_for_selector("#model:visible")
    assert page.input_value("#model") == "large"


def test_the_model_is_described_before_the_first_message(page: Any) -> None:
    assert page.inner_text("#facts") == "1.23M parameters · context 256"


def test_a_model_of_plain_text_is_told(page: Any, api: FakeApi) -> None:
    api.models = [model("book", conversations=False)]
    page.reload()
    page.wait_for_selector("#notice:not(:empty)")
    assert "plain text" in notice(page)


def test_what_the_server_has_to_tell_is_told_once_in_a_chat(page: Any, api: FakeApi) -> None:
    api.replies = [Reply("a", notices=("Older turns are left out.",)) for _ in range(2)]
    say(page, "hi")
    page.wait_for_selector("#notice:not(:empty)")
    assert notice(page) == "Older turns are left out."
    say(page, "and?")
    assert notice(page) == ""
