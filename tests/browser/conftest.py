"""One browser for the whole session; skipped where there is none, unless CI says there must be."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.fake_server import FakeApi

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""
MUST_RUN = os.environ.get("CI") == "true" or "REQUIRE_BROWSER" in os.environ
DEADLINE_MS = 30_000


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, without a window."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _is_missing("playwright is not installed")
    if not CHROMIUM:
        _is_missing("there is no Chromium here (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-background-networking"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


def _is_missing(reason: str) -> None:
    (pytest.fail if MUST_RUN else pytest.skip)(reason)


@pytest.fixture(scope="session")
def _server() -> Iterator[tuple[FakeApi, str]]:
    try:
        from tests.browser.fake_app import Server, make_app
    except ImportError:
        _is_missing("starlette and uvicorn are not installed (the extra serve)")
    api = FakeApi()
    server = Server(make_app(api))
    server.start()
    yield api, server.url
    server.stop()


@pytest.fixture
def api(_server: tuple[FakeApi, str]) -> FakeApi:
    """The API that the page speaks to, with one model."""
    _server[0].reset()
    return _server[0]


@pytest.fixture
def url(_server: tuple[FakeApi, str]) -> str:
    return _server[1]


@pytest.fixture
def context(browser: Any, api: FakeApi, url: str) -> Iterator[Any]:
    """A browser's profile with nothing in it; a request to elsewhere or an error fails the test."""
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 800})
    context.set_default_timeout(DEADLINE_MS)
    urls, errors = [], []
    context.on("request", lambda request: urls.append(request.url))
    context.on("weberror", lambda error: errors.append(str(error.error)))
    context.on("console", lambda message: _keep_errors(errors, message))
    yield context
    api.go_on = True
    context.close()
    assert [one for one in urls if not one.startswith((url, "data:", "blob:"))] == []
    assert errors == []


def _keep_errors(errors: list[str], message: Any) -> None:
    """Errors of the page itself count, not answers that a test wants to be errors."""
    if message.type == "error" and "Failed to load resource" not in message.text:
        errors.append(message.text)


@pytest.fixture
def page(context: Any, api: FakeApi, url: str) -> Any:
    """The page, with its model known."""
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector("#model-name:not(:empty)", state="attached")
    return page
