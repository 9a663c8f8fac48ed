"""The page of runs as people use it: by keys, on a phone, while a run goes on and afterwards."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lumina_cli.io import lock
from tests.browser.fake_server import wait_until
from tests.browser.test_access import SIZES, Looks, in_looks, violations
from tests.chromium import is_missing
from tests.unit.recipes.watch.runs import (
    evaluated,
    finished,
    sampled,
    started,
    step,
    write_run,
)

HOSTILE = "<img src=x onerror=alert(1)>\u202e"
DEADLINE_MS = 20_000


def events(*, high: float) -> list[dict[str, Any]]:
    said = {0: "qx#", 1: "e te", 2: "the e", 4: HOSTILE}
    prompts = {"Hi?": 0, "Ho?": 1}
    return [
        started(),
        evaluated(0, 5.0),
        *(
            sampled(at, text, prompt=prompt + HOSTILE[-1], number=number)
            for at, text in said.items()
            for prompt, number in prompts.items()
        ),
        *(step(n, high - n / 5) for n in range(1, 9)),
        evaluated(4, 2.5),
        evaluated(8, 2.9),
        {"event": "SaveFailed", "step": 8, "why": HOSTILE},
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_run(tmp_path, [*events(high=4.0), finished(8)], name="Old.run", settings="seed = 1\n")
    write_run(tmp_path, events(high=3.0), name="New.run", settings="seed = 2\nepochs = 5\n")
    return tmp_path


@pytest.fixture
def page(browser: Any, folder: Path) -> Iterator[Any]:
    try:
        from lumina_cli.recipes.watch.shelf import RunShelf
        from lumina_cli.server.config import ServeConfig
        from lumina_cli.server.runs.app import make_watch_app
        from tests.browser.fake_app import Server
    except ImportError:
        is_missing("starlette and uvicorn are not installed (the extra serve)")
    server = Server(make_watch_app(RunShelf(folder), config=ServeConfig()))
    server.start()
    context = browser.new_context(locale="en-US", reduced_motion="reduce")
    context.set_default_timeout(DEADLINE_MS)
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    page = context.new_page()
    page.goto(server.url)
    page.wait_for_selector("#chart svg")
    yield page
    context.close()
    server.stop()
    assert errors == []


def look_again(page: Any) -> None:
    """Have the page ask now, not in two seconds."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_the_newest_run_opens_and_is_followed_while_it_goes_on(page: Any, folder: Path) -> None:
    state = page.locator("#state")
    assert page.input_value("#run") == "New.run"
    assert "without a word" in state.inner_text()
    assert "by heart" in page.inner_text("#words")
    assert "as unsure as choosing among 148 characters" in page.inner_text("#keys")  # e^5
    with lock.hold(folder / "New.run"):
        with (folder / "New.run" / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(step(9, 1.25)) + "\n" + '{"event": "StepDo')
        look_again(page)
        wait_until(lambda: "step 9" in state.inner_text())
        assert "minutes are left" in state.inner_text()
        assert page.is_visible("#progress")
        assert "1.25 nats" in page.inner_text("#keys")
    shutil.rmtree(folder / "New.run")
    look_again(page)
    wait_until(lambda: "not there any more" in page.inner_text("#problem"))
    wait_until(lambda: page.input_value("#run") == "Old.run")


def test_the_slider_goes_from_noise_to_words_and_is_tied_to_the_curve(page: Any) -> None:
    page.focus("#moment")
    page.keyboard.press("Home")
    assert page.inner_text("#at").startswith("Step 0")
    assert page.locator("#samples dd").all_inner_texts() == ["qx#", "qx#"]
    assert page.locator("#samples dt").all_inner_texts() == ["Hi?", "Ho?"]
    lines = []
    for text in ("e te", "the e", HOSTILE):
        lines.append(page.get_attribute("line.moment", "x1"))
        page.keyboard.press("ArrowRight")
        assert page.locator("#samples dd").first.inner_text() == text.rstrip("\u202e")
    assert sorted(set(lines), key=float) == lines
    assert "Step 4: 2.2 nats, as unsure as choosing among 9.03" in page.inner_text("#at")
    assert page.locator("img").count() == 0
    assert page.locator("#events li").last.text_content() == (
        f"Step 8: Not saved at step 8: {HOSTILE[:-1]}. Training goes on."
    )


def test_runs_are_laid_over_one_another_with_the_settings_that_differ(page: Any) -> None:
    assert page.locator("polyline").count() == 2
    page.click("#compare summary")
    page.check("#others input")
    page.wait_for_selector("#settings tr:nth-child(3)")
    assert page.locator("polyline").count() == 4
    rows = [row.inner_text().split("\t") for row in page.locator("#settings tr").all()]
    assert rows[1:] == [["seed", "2", "1"], ["epochs", "5", "–"]]
    page.check("#log-steps")
    assert page.locator("polyline").count() == 4


@in_looks
def test_everybody_can_read_it(page: Any, looks: Looks) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert violations(page, looks) == []
    for size in SIZES.values():
        page.set_viewport_size(size)
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
    reached = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.localName"))
    assert {"run", "moment", "log-steps", "summary", "input"} <= reached
    assert re.search(r"Loss in nats over 8 steps", page.get_attribute("svg", "aria-label"))
