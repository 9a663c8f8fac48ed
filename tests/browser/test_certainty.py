"""How sure the model was of each character, and what else it might have said."""

from typing import Any

from tests.browser.chatting import asked, converse, said, say
from tests.browser.fake_server import FakeApi, Reply

PROBS = (0.95, 0.7, 0.3, 0.1)


def levels(page: Any) -> list[str]:
    return page.locator(".bot .text span").evaluate_all(  # type: ignore[no-any-return]
        "all => all.map(one => one.className.replace(' current', ''))"
    )


def certain(page: Any, api: FakeApi, *replies: Reply) -> None:
    """Show certainty and have one reply."""
    api.replies = list(replies)
    page.click("#certainty")
    say(page, "hi")


def test_each_character_is_marked_by_how_likely_it_was(page: Any, api: FakeApi) -> None:
    certain(page, api, Reply("abcd", probs=PROBS))
    assert levels(page) == ["level-0", "level-1", "level-2", "level-3"]
    styles = page.locator(".bot .text span").evaluate_all(
        "all => all.map(one => getComputedStyle(one).textDecorationStyle)"
    )
    assert styles[1:] == ["dotted", "dashed", "wavy"]  # not by colour alone
    assert page.locator(".bot .text span").nth(2).get_attribute("title") == "30%"


def test_it_is_shown_or_not_without_another_reply_and_remembered(page: Any, api: FakeApi) -> None:
    api.replies = [Reply("abcd", probs=PROBS)]
    say(page, "hi")
    assert levels(page) == []
    assert not page.is_visible("#legend")
    page.click("#certainty")
    assert len(levels(page)) == 4
    page.click("#certainty")
    assert levels(page) == []
    assert said(page)[-1] == ("bot", "abcd")


def test_the_page_says_that_sure_is_not_right(page: Any) -> None:
    page.click("#certainty")
    assert "Sure is not the same as right" in page.inner_text("#legend")
    page.reload()
    assert page.is_visible("#legend")


def test_a_character_of_several_bytes_is_one_and_as_likely_as_all_of_them(
    page: Any, api: FakeApi
) -> None:
    certain(page, api, Reply("a😀é", probs=(0.95, 0.3, 0.6)))
    assert levels(page) == ["level-0", "level-2", "level-1"]
    assert page.locator(".bot .text span").nth(1).inner_text() == "😀"


def test_another_character_is_chosen_and_the_reply_goes_on_from_there(
    page: Any, api: FakeApi
) -> None:
    others = (("X", 0.5), (" ", 0.0004), (None, 0.01))
    certain(page, api, Reply("abcd", probs=PROBS, others=others), Reply(" on"))
    page.click(".bot .text span >> nth=2")
    options = page.locator("#alternatives button").all_inner_texts()
    seen = [option.split("\n") for option in options]
    assert seen == [["c", "30%"], ["X", "50%"], ["space", "< 0.1%"], ["end of the reply", "1%"]]
    assert page.inner_text("#alternatives-title") == "c · 30%"
    page.click("#alternatives button >> nth=1")
    page.wait_for_selector("body:not(.busy) .bot")
    assert said(page)[-1] == ("bot", "abX on")
    assert asked(api) == [("user", "hi"), ("assistant", "abX")]
    assert api.requests[-1]["continue_final_message"] is True
    assert levels(page)[:4] == ["level-0", "level-1", "level-1", "level-0"]
    page.click("#notice button:text-is('Undo')")
    assert said(page)[-1] == ("bot", "abcd")


def test_the_end_is_chosen_and_nothing_is_asked_for(page: Any, api: FakeApi) -> None:
    certain(page, api, Reply("abcd", probs=PROBS))
    page.click(".bot .text span >> nth=2")
    page.click("#alternatives button:has-text('end of the reply')")
    assert said(page)[-1] == ("bot", "ab")
    assert len(api.requests) == 1


def test_a_choice_is_made_with_keys_alone(page: Any, api: FakeApi) -> None:
    certain(page, api, Reply("abcd", probs=PROBS, others=(("X", 0.5),)), Reply("!"))
    page.focus(".bot .text")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#told") == "c, 30%"
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.className") == "text"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("body:not(.busy) .bot .text span >> nth=3")
    assert said(page)[-1] == ("bot", "abX!")


def test_a_choice_in_an_earlier_reply_goes_on_from_there(page: Any, api: FakeApi) -> None:
    converse(page, api, "one", "abcd", "two", "efgh")
    page.click("#certainty")
    api.replies = [Reply("!")]
    page.click("article:nth-child(2) .text span >> nth=1")
    page.click("#alternatives button >> nth=1")
    page.wait_for_selector("#notice button")
    assert said(page) == [("user", "one"), ("bot", "aa!")]
    page.click("#notice button:text-is('Undo')")
    assert len(said(page)) == 4


def test_a_reply_is_gone_on_with_after_what_is_known_of_it(page: Any, api: FakeApi) -> None:
    certain(page, api, Reply("ab", probs=(0.3,)), Reply("cd", probs=(0.7,)))
    page.click("article:last-child button:text-is('Continue')")
    page.wait_for_selector("body:not(.busy) .bot .text span >> nth=3")
    assert levels(page) == ["level-2", "level-2", "level-1", "level-1"]


def test_a_reply_of_which_nothing_is_known_is_shown_plain(page: Any, api: FakeApi) -> None:
    converse(page, api, "hi", "abcd")
    page.click("#certainty")
    page.reload()
    page.wait_for_selector(".bot")
    assert levels(page) == []
    assert said(page)[-1] == ("bot", "abcd")
