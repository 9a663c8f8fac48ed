"""What a person does on the page, and what they see."""

import json
from typing import Any

from tests.browser.fake_server import FakeApi, Reply

IDLE = "body:not(.busy)"


def say(page: Any, text: str) -> None:
    """Send a message and wait for the end of its reply."""
    page.fill("#input", text)
    page.press("#input", "Enter")
    page.wait_for_selector(f"{IDLE} article.user")


def said(page: Any) -> list[tuple[str, str]]:
    """Return the messages that are seen: role and text."""
    return [
        (message.get_attribute("class").split()[1], message.locator(".text").inner_text())
        for message in page.locator("article").all()
    ]


def asked(api: FakeApi) -> list[tuple[str, str]]:
    """Return the messages of the last request."""
    return [(m["role"], m["content"]) for m in api.requests[-1]["messages"]]


def choose(page: Any, name: str) -> None:
    """Press a button of the last message, and wait for the end of a reply."""
    page.click(f"article:last-child .actions button:visible:text-is({json.dumps(name)})")
    page.wait_for_selector(IDLE)


def notice(page: Any) -> str:
    return str(page.locator("#notice").inner_text())


def press_notice(page: Any, name: str) -> None:
    """Press a button of the notice, and wait for the end of a reply."""
    page.click(f"#notice button:text-is({json.dumps(name)})")
    page.wait_for_selector(IDLE)


def converse(page: Any, api: FakeApi, *texts: str) -> None:
    """Have questions and replies, in turn."""
    for question, reply in zip(texts[::2], texts[1::2], strict=True):
        api.replies.append(Reply(reply))
        say(page, question)
