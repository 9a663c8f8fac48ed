"""One browser for the session, one page for its tests; skipped where CI does not insist on it."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.fake_server import FakeApi, wait_until
from tests.chromium import is_missing

DEADLINE_MS = 30_000
SIZE = {"width": 1280, "height": 800}

BEGIN_ANEW = """
if (location.search === '?anew') {
  localStorage.clear();
  sessionStorage.clear();
  history.replaceState(null, '', location.pathname);
}
"""
"""Before the page's own scripts, and after those of the page that was left have saved."""


@pytest.fixture(scope="session")
def _server() -> Iterator[tuple[FakeApi, str]]:
    try:
        from tests.browser.fake_app import Server, make_app
    except ImportError:
        is_missing("starlette and uvicorn are not installed (the extra serve)")
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


class Watched:
    """A browser's profile; what it asks of elsewhere and what fails in it fails a test.

    Args:
        browser: Chromium.
        url: of the page.
    """

    def __init__(self, browser: Any, url: str) -> None:
        self.url = url
        self._urls: list[str] = []
        self._errors: list[str] = []
        self.context = context = browser.new_context(locale="en-US", viewport=SIZE)
        context.set_default_timeout(DEADLINE_MS)
        context.on("request", lambda request: self._urls.append(request.url))
        context.on("weberror", lambda error: self._errors.append(str(error.error)))
        context.on("console", self._keep_errors)

    def check(self) -> None:
        """Fail if anything was wrong since the last check."""
        urls, errors = self._urls[:], self._errors[:]
        self._urls.clear()
        self._errors.clear()
        assert [one for one in urls if not one.startswith((self.url, "data:", "blob:"))] == []
        assert errors == []

    def _keep_errors(self, message: Any) -> None:
        """Errors of the page itself count, not answers that a test wants to be errors."""
        if message.type == "error" and "Failed to load resource" not in message.text:
            self._errors.append(message.text)


@pytest.fixture(scope="session")
def shared(browser: Any, _server: tuple[FakeApi, str]) -> Iterator[tuple[Watched, Any]]:
    """One page for all tests: a profile of its own takes a second each.

    What is to be there before the page is, a test sets, and loads it again.
    """
    watched = Watched(browser, _server[1])
    watched.context.add_init_script(BEGIN_ANEW)
    yield watched, watched.context.new_page()
    watched.context.close()


@pytest.fixture
def page(shared: tuple[Watched, Any], api: FakeApi, url: str) -> Iterator[Any]:
    """The page, with its model known and nothing in its storage; other tabs share its context."""
    watched, page = shared
    page.goto(f"{url}/?anew")
    page.wait_for_selector("#model-name:not(:empty)", state="attached")
    yield page
    api.go_on = True
    for other in watched.context.pages:
        if other is not page:
            other.close()
    if api.num_open:
        page.goto("about:blank")  # no reply reaches into the next test
        wait_until(lambda: not api.num_open)
    page.unroute_all()
    page.set_viewport_size(SIZE)
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    watched.context.clear_permissions()
    watched.check()
