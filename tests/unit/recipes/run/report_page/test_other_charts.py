"""Learning rate, speed and memory over a run."""

from lumina_cli.recipes.run.report_page.history import RunHistory
from lumina_cli.recipes.run.report_page.other_charts import other_sections


def told(memory_mb: list[float]) -> str:
    history = RunHistory()
    for step, used in enumerate(memory_mb, start=1):
        figures = {"learning_rate": 1e-3 / step, "memory_bytes": used * 1e6}
        times = {"num_chars": 64, "elapsed_s": step * 0.5}
        history.add({"event": "StepDone", "step": step, **figures, **times})
    return other_sections(history)


def test_memory_is_drawn_from_zero_and_told_to_be_level() -> None:
    page = told([300.0, 398.0, 400.0, 401.0])
    assert (
        "is at most 401 MB; in the second half of the run it stays level, between 400 and 401"
        in page
    )
    assert "<span>0</span></div><svg" in page[page.index("Memory in MB") - 400 :]


def test_memory_that_does_not_change_is_told_once() -> None:
    assert "it stays level, at 312 MB." in told([312.0, 312.1, 312.2, 312.0])


def test_memory_that_grows_is_not_told_to_be_level() -> None:
    page = told([300.0, 320.0, 340.0, 380.0])
    assert "in the second half of the run it is between 340 and 380 MB" in page


def test_memory_that_no_system_tells_of_has_no_chart() -> None:
    assert "Memory" not in told([0.0, 0.0])


def test_the_learning_rate_is_told_at_its_highest_and_at_its_end() -> None:
    assert "at most 0.001 (at step 1), 0.0005 at step 2." in told([300.0, 300.0])


def test_the_speed_is_told_over_all_steps() -> None:
    assert "is 128 characters a second over all steps" in told([300.0] * 4)


def test_of_nothing_nothing_is_told() -> None:
    assert other_sections(RunHistory()).strip() == ""
