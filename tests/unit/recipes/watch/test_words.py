"""What figures mean, in sentences that are true of them."""

from pathlib import Path
from typing import Any

import pytest

from lumina_cli.recipes.watch.reader import RunReader
from lumina_cli.recipes.watch.words import choices, seconds_left, sentences, state_in_words
from tests.unit.recipes.watch.runs import evaluated, finished, started, step, write_run


def reader(folder: Path, *events: dict[str, Any]) -> RunReader:
    found = RunReader(write_run(folder, [started(), *events]) / "metrics.jsonl")
    found.update()
    return found


@pytest.mark.parametrize(
    ("nats", "told"), [(0.0, "1.0"), (1.0, "2.7"), (3.0, "20"), (9.2103404, "10,000"), (1e9, None)]
)
def test_a_loss_is_a_choice_among_its_power_of_e(nats: float, told: str | None) -> None:
    assert told is None or choices(nats) == told
    assert choices(nats)


def test_the_time_left_is_that_of_the_newest_fifty_steps(tmp_path: Path) -> None:
    slow = [step(n, 1.0, elapsed_s=n * 100.0) for n in range(1, 11)]
    quick = [step(n, 1.0, elapsed_s=1000.0 + n, progress=n / 200) for n in range(11, 101)]
    assert seconds_left(reader(tmp_path, *slow, *quick)) == pytest.approx(100.0)
    assert seconds_left(reader(tmp_path, step(1, 1.0))) is None
    assert seconds_left(reader(tmp_path, step(1, 1.0), step(2, 1.0, elapsed_s=0.0))) is None


def about(folder: Path, measured: list[float], training: list[float]) -> str:
    losses = [step(n + 1, loss) for n, loss in enumerate(training)]
    nats = [evaluated(10 * n, each) for n, each in enumerate(measured)]
    return " ".join(sentences(reader(folder, *losses, *nats)))


FALLING = [3.0 - n / 50 for n in range(100)]


def test_overfitting_is_told_where_it_is_and_nowhere_else(tmp_path: Path) -> None:
    told = about(tmp_path, [4.0, 2.5, 2.0, 2.3, 2.6], FALLING)
    assert "Since step 20" in told
    assert "by heart" in told
    assert "by heart" not in about(tmp_path, [4.0, 2.5, 2.0, 1.9, 1.8], FALLING)
    assert "by heart" not in about(tmp_path, [4.0, 2.0, 2.6], [3.0] * 100)
    assert "worse on text" in about(tmp_path, [4.0, 2.0, 2.6], [3.0] * 100)


def test_how_unsure_it_is_and_was(tmp_path: Path) -> None:
    told = about(tmp_path, [], [5.0] + [1.0] * 99)
    assert "among 2.7 that are equally likely" in told
    assert "at first it was among 148" in told


def test_what_is_more_than_letter_frequency(tmp_path: Path) -> None:
    assert "Since step 10 it has known more" in about(tmp_path, [5.0, 2.9, 2.8], FALLING)
    assert "not yet know more" in about(tmp_path, [5.0, 3.5], FALLING)


def test_trouble_is_told_and_counted(tmp_path: Path) -> None:
    events = [
        {"event": "BatchSplit", "step": 2, "micro_batch_size": 4},
        *({"event": "StepSkipped", "step": n, "epoch": 0, "batch_index": 0} for n in (3, 4)),
    ]
    told = " ".join(sentences(reader(tmp_path, *events)))
    assert "Once memory was short" in told
    assert "2 times a loss was not a number" in told


def test_each_end_is_told(tmp_path: Path) -> None:
    assert "did all its steps" in state_in_words("finished", reader(tmp_path, finished(9)))
    interrupted = state_in_words("interrupted", reader(tmp_path, finished(9, "interrupted")))
    assert "step 9" in interrupted
    assert "--resume" in interrupted
    assert "without a word" in state_in_words("stopped", reader(tmp_path, step(3, 2.0)))
    going = state_in_words("running", reader(tmp_path, step(3, 2.0), step(4, 2.0)))
    assert "About 3 minutes are left" in going  # 96 hundredths at 2 s each
    assert state_in_words("empty", RunReader(tmp_path / "none")) == "Nothing has happened yet."
