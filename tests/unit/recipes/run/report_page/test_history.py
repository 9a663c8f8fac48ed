"""What happened in a run, in bounded memory."""

import json
import random
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.recipes.run.report_page import event_lines
from lumina_cli.recipes.run.report_page.buckets import Bucket, Buckets
from lumina_cli.recipes.run.report_page.history import FirstAndLast, RunHistory, read_history

Told = dict[str, Any]

steps_and_figures = st.lists(
    st.tuples(st.integers(0, 10_000), st.integers(-1_000, 1_000).map(float)), min_size=1
)


def step_done(step: int, **more: object) -> Told:
    return {"event": "StepDone", "step": step, "epoch": 0, "loss": 3 / step, "learning_rate": 1e-3,
            "num_chars": 64, "elapsed_s": step * 0.5, "memory_bytes": 10**8, **more}  # fmt: skip


def written(path: Path, lines: Sequence[object]) -> Path:
    text = "".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in lines)
    path.write_text(text, encoding="utf-8")
    return path


def history_of(events: Sequence[Told]) -> RunHistory:
    history = RunHistory()
    for event in events:
        history.add(event)
    return history


def figures(buckets: Buckets) -> list[tuple[int, float]]:
    assert all(each.low == each.high == each.mean for each in buckets.ordered())
    return [(each.first_step, each.low) for each in buckets.ordered()]


@given(steps_and_figures)
def test_every_figure_is_inside_the_bucket_of_its_step(told: list[tuple[int, float]]) -> None:
    buckets = Buckets(most=7)
    for step, figure in told:
        buckets.add(step, figure)
    assert len(buckets.ordered()) <= 7
    for step, figure in told:
        inside = [b for b in buckets.ordered() if b.first_step <= step <= b.last_step]
        assert len(inside) == 1
        assert inside[0].low <= figure <= inside[0].high


@given(steps_and_figures, st.randoms())
def test_in_whatever_order_figures_come_the_buckets_hold_the_same(
    told: list[tuple[int, float]], rng: random.Random
) -> None:
    shuffled = rng.sample(told, len(told))
    one, other = Buckets(most=5), Buckets(most=5)
    for step, figure in told:
        one.add(step, figure)
    for step, figure in shuffled:
        other.add(step, figure)
    assert one.ordered() == other.ordered()  # sums of whole numbers are exact
    assert sum(each.total for each in one.ordered()) == sum(figure for _, figure in told)
    assert sum(each.weight for each in one.ordered()) == len(told)


@given(steps_and_figures, st.integers(0, 10_000))
def test_after_going_back_nothing_begins_later(told: list[tuple[int, float]], step: int) -> None:
    buckets = Buckets(most=7)
    for each in told:
        buckets.add(*each)
    before = buckets.ordered()
    buckets.rewind(step)
    assert buckets.ordered() == [each for each in before if each.first_step <= step]


def test_a_mean_is_weighted() -> None:
    bucket = Bucket(1, 1, 10.0, 10.0, 10.0, 1.0)
    bucket.merge(Bucket(2, 2, 40.0, 40.0, 80.0, 2.0))
    assert (bucket.mean, bucket.low, bucket.high) == (30.0, 10.0, 40.0)
    assert (bucket.first_step, bucket.last_step) == (1, 2)


def test_of_many_events_the_first_and_the_last_are_kept_and_the_others_counted() -> None:
    kept = FirstAndLast(first=2, last=3)
    for step in range(10):
        kept.add({"step": step})
    assert [each["step"] for each in (*kept.first, *kept.last)] == [0, 1, 7, 8, 9]
    assert kept.num_left_out == 5
    kept.rewind(8)
    assert ([each["step"] for each in kept.last], kept.num_left_out) == ([7, 8], 5)
    kept.rewind(0)
    assert ([each["step"] for each in kept.first], list(kept.last)) == ([0], [])
    assert kept.num_left_out == 0


@pytest.mark.parametrize("start", ["RunStarted", "Begun"])
def test_what_a_resume_did_anew_is_counted_once(tmp_path: Path, start: str) -> None:
    path = written(
        tmp_path / "metrics.jsonl",
        [
            {"event": start, "step": 0},
            step_done(1, loss=9.0),
            step_done(2, loss=8.0),
            {"event": "Sampled", "step": 2, "text": "lost"},
            {"event": "LossSpiked", "step": 2, "loss": 8.0, "ema_loss": 1.0},
            {"event": start, "step": 1},
            step_done(2, loss=7.0),
        ],
    )
    history = read_history(path)
    assert figures(history.curves["loss"]) == [(1, 9.0), (2, 7.0)]
    assert history.samples[0].first == []
    assert [(e["event"], e["step"]) for e in history.happened.first] == [(start, 0), (start, 1)]


def test_a_run_that_went_back_goes_on_from_there() -> None:
    rolled_back = {"event": "RolledBack", "from_step": 3, "step": 1, "lr_scale": 0.5}
    history = history_of([*map(step_done, (1, 2, 3)), rolled_back, step_done(2, loss=7.0)])
    assert figures(history.curves["loss"]) == [(1, 3.0), (2, 7.0)]
    assert [each["event"] for each in history.happened.first] == ["RolledBack"]


def test_speed_is_what_was_learnt_from_between_two_lines() -> None:
    told = [step_done(1, elapsed_s=1.0), step_done(2, elapsed_s=3.0), step_done(6, elapsed_s=4.0)]
    assert figures(history_of(told).speed) == [(2, 64 / 2), (6, 4 * 64 / 1)]
    history = history_of([step_done(1, elapsed_s=1.0), {"event": "RunStarted", "step": 1}])
    history.add(step_done(2, elapsed_s=9.0))  # the pause is no training
    assert figures(history.speed) == []


def test_old_names_of_fields_are_understood() -> None:
    old = {"event": "Evaluated", "step": 3, "nats_per_char": 2.0, "kept_nats_per_char": 1.5}
    assert figures(history_of([old]).curves["base_loss"]) == [(3, 1.5)]


@pytest.mark.parametrize(
    "line",
    [
        "5", "null", '"text"', "[]", "{}", "not json", "", "\0\0\0", "[" * 50_000, '{"event": "Ste',
        '{"event": "StepDone", "step": ', '{"event": "StepDone", "step": 7',
        '{"event": 5, "step": 1}', '{"event": ["StepDone"], "step": 1}', '{"event": "StepDone"}',
        '{"event": "Moonrise", "step": 1}', '{"event": "StepDone", "step": null}',
        '{"event": "StepDone", "step": -1, "loss": 1.0}',
        '{"event": "StepDone", "step": true, "loss": 1.0}',
        '{"event": "StepDone", "step": 1.5, "loss": 1.0}',
        '{"event": "StepDone", "step": ' + "9" * 400 + ', "loss": 1.0}',
        '{"event": "StepDone", "step": 7, "loss": null}',
        '{"event": "StepDone", "step": 7, "loss": NaN, "num_chars": {}, "elapsed_s": []}',
        '{"event": "StepDone", "step": 7, "loss": Infinity, "learning_rate": -Infinity}',
        '{"event": "StepDone", "step": 7, "loss": 1' + "0" * 300 + "}",
        '{"event": "StepDone", "step": 7, "loss": "1.0", "learning_rate": true}',
        '{"event": "RunStarted", "step": "1"}', '{"event": "RolledBack"}',
        '{"event": "Sampled", "step": 1, "text": "' + "x" * 200_000 + '"}',
    ],
)  # fmt: skip
def test_a_line_that_tells_nothing_is_passed_over(tmp_path: Path, line: str) -> None:
    lines = [step_done(1), line, step_done(2)]
    history = read_history(written(tmp_path / "metrics.jsonl", lines))
    assert figures(history.curves["loss"]) == [(1, 3.0), (2, 1.5)]
    assert history.samples[0].first == []
    assert history.happened.first == []


def test_bytes_that_are_no_text_cost_their_line(tmp_path: Path) -> None:
    path = written(tmp_path / "metrics.jsonl", [step_done(1)])
    path.write_bytes(path.read_bytes() + b'{"event": "\xff"}\n' + path.read_bytes())
    assert [b.weight for b in read_history(path).curves["loss"].ordered()] == [2.0]


def test_speeds_that_no_machine_has_are_left_out() -> None:
    tiny = [
        step_done(1, num_chars=1e99, elapsed_s=0.0),
        step_done(2, num_chars=1e99, elapsed_s=5e-324),
    ]
    assert history_of(tiny).speed.ordered() == []


def test_what_is_shown_of_an_event_is_bounded() -> None:
    event = {"event": "SaveFailed", "step": 1, "why": "w" * 10_000, "more": {"a": ["b" * 10_000]}}
    event |= {f"field {number}": 1 for number in range(100)}
    (kept,) = history_of([event]).happened.first
    assert len(kept) == 20
    assert max(len(str(value)) for value in kept.values()) == 500


def test_a_long_run_takes_no_more_memory_than_a_shorter_one() -> None:
    history, held = RunHistory(), []
    tracemalloc.start()
    for step in range(1, 8_001):
        history.add(step_done(step, loss=1.0 + step % 7))
        history.add({"event": "Sampled", "step": step, "text": "x" * 500})
        history.add({"event": "LossSpiked", "step": step, "loss": 9.0, "ema_loss": 1.0})
        if step in (1_200, 2_400, 4_800):  # just before buckets are merged
            held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert held[2] < 1.1 * held[0]


def test_of_a_file_with_a_line_for_each_step_those_are_read_that_are_kept_today(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lumina_cli.io.folders.run_folder.EVERY_UNTIL", 4)
    lines = [*map(step_done, range(1, 12))]
    lines.insert(10, {"event": "LossSpiked", "step": 11, "loss": 99.0, "ema_loss": 1.0})
    history = read_history(written(tmp_path / "metrics.jsonl", lines))
    assert [step for step, _ in figures(history.curves["loss"])] == [1, 2, 3, 4, 6, 8, 11]


@pytest.mark.slow
def test_spikes_of_a_run_of_200_000_steps_are_seen_when_it_goes_on(tmp_path: Path) -> None:
    rng = random.Random(0)
    spikes = {rng.randrange(1, 200_000): rng.uniform(50, 99) for _ in range(20)}
    path = tmp_path / "metrics.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for step in range(1, 200_001):
            loss = spikes.get(step, 2.0)
            if step in spikes:
                spike = {"event": "LossSpiked", "step": step, "loss": loss, "ema_loss": 2.0}
                file.write(json.dumps(spike) + "\n")
            file.write(json.dumps(step_done(step, loss=loss)) + "\n")
    buckets = read_history(path).curves["loss"].ordered()
    assert len(buckets) <= 600
    for step, loss in spikes.items():
        (bucket,) = [b for b in buckets if b.first_step <= step <= b.last_step]
        assert bucket.low == 2.0 or bucket.low in spikes.values()
        assert bucket.high >= loss
    assert (buckets[0].first_step, buckets[-1].last_step) == (1, 200_000)


def test_a_file_that_says_it_is_a_terabyte_is_read_to_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_lines, "MAX_FILE_BYTES", 1_000_000)
    path = written(tmp_path / "metrics.jsonl", [step_done(1), step_done(2)])
    with path.open("r+b") as file:
        file.truncate(1 << 40)
    assert figures(read_history(path).curves["loss"]) == [(1, 3.0), (2, 1.5)]
