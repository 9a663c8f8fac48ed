"""The page of a run in headless Chromium, from a file and offline."""

from collections.abc import Iterator
from typing import Any

import pytest

from lumina_cli.data.stats.ngrams import CountingLoss
from lumina_cli.recipes.run.reached import Landmarks
from lumina_cli.recipes.run.report_page.history import RunHistory
from lumina_cli.recipes.run.report_page.page import write_report_page
from tests.browser.test_access import SIZES, Looks, in_looks, violations

LANDMARKS = Landmarks(300, 1.0, 5.7, CountingLoss(letters=3.3, pairs=2.5, words=2.1))


def history() -> RunHistory:
    """A long run that overfits, with memory and speed in large numbers and many samples."""
    history = RunHistory()
    for step in range(1, 1_000_000, 1_000):
        figures = {"loss": 1e6 / (step + 2e5), "learning_rate": 3e-5, "memory_bytes": 8e10 + step}
        times = {"num_chars": 4_096_000, "elapsed_s": step * 0.1}
        history.add({"event": "StepDone", "step": step, **figures, **times})
        if step % 50_000 == 1:
            nats = 1.5 + abs(step - 400_000) / 1e5
            history.add({"event": "Evaluated", "step": step, "nats_per_char": nats})
            history.add({"event": "Sampled", "step": step, "text": f"{step} " + "x" * 150})
    return history


@pytest.fixture(scope="module")
def report(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("report")
    facts = {"data": "a" * 200}
    args = {"title": "Training of " + "M" * 60, "facts": facts}
    path = write_report_page(folder, history=history(), landmarks=LANDMARKS, **args)
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.on("console", lambda message: pytest.fail(message.text))
    page.goto(path.as_uri())
    yield page
    context.close()


@in_looks
def test_everybody_can_read_it(report: Any, looks: Looks) -> None:
    report.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert violations(report, looks) == []


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_cut_off_at_an_edge(report: Any, size: str) -> None:
    report.set_viewport_size(SIZES[size])
    outside = report.evaluate(
        """() => [...document.querySelectorAll('h1, h2, p, span, pre, td, th')]
            .filter(each => each.getClientRects().length)
            .map(each => [each.textContent, each.getBoundingClientRect()])
            .filter(([_, box]) => box.left < 0 || box.right > innerWidth)
            .map(([text, _]) => text)"""
    )
    assert outside == []


def test_a_tick_shows_nats_instead_of_bits(report: Any) -> None:
    losses = report.locator("section:has(#in-nats) .keys")
    assert "8.22 bits" in losses.inner_text()
    assert "nats" not in losses.inner_text()
    report.check("#in-nats")
    assert "5.7 nats" in losses.inner_text()
    assert "bits" not in losses.inner_text()
    report.uncheck("#in-nats")
