"""The runs of a folder, as the page and programs get them."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from lumina_cli.io import lock
from lumina_cli.recipes.watch import shelf
from lumina_cli.recipes.watch.shelf import RunShelf
from tests.unit.recipes.watch.runs import (
    evaluated,
    finished,
    sampled,
    started,
    step,
    write_run,
)

DEEP = [started(), *(step(n, 3.0 - n / 1e4) for n in range(1, 5001)), finished(5000)]


def curve(folder: Path, *, points: int = 800, **given: Any) -> dict[str, Any]:
    found = RunShelf(folder, **given).curve("Model.run", points=points)
    assert found is not None
    return found


def test_runs_are_told_newest_first_with_what_became_of_them(tmp_path: Path) -> None:
    ends = {"a": [finished(9)], "b": [finished(9, "interrupted")], "c": [step(1, 2.0)], "d": []}
    for age, (name, events) in enumerate(ends.items()):
        run = write_run(tmp_path, events, name=f"{name}.run")
        os.utime(run / "metrics.jsonl", (1e9 + age, 1e9 + age))
    (tmp_path / "no.run").write_text("a file", encoding="utf-8")
    (tmp_path / "link.run").symlink_to(tmp_path / "a.run")
    with lock.hold(tmp_path / "d.run"):
        told = RunShelf(tmp_path).runs()
    assert [(run["name"], run["state"]) for run in told] == [
        ("d.run", "running"),
        ("c.run", "stopped"),
        ("b.run", "interrupted"),
        ("a.run", "finished"),
    ]
    assert RunShelf(tmp_path / "gone").runs() == []


@pytest.mark.parametrize("points", [10, 100, 800])
def test_a_spike_of_one_step_survives_however_few_points_there_are(
    tmp_path: Path, points: int
) -> None:
    events = [*DEEP[:2000], step(2000, 77.0), step(2001, 0.001), *DEEP[2002:]]
    write_run(tmp_path, events)
    training = curve(tmp_path, points=points)["curves"]["training"]
    assert len(training) <= points
    assert max(point[4] for point in training) == 77.0
    assert min(point[2] for point in training) == 0.001
    assert training[-1][1] == 5000
    assert [point[0] for point in training] == sorted(point[0] for point in training)


def test_only_whole_new_lines_are_told(tmp_path: Path) -> None:
    run = write_run(tmp_path, [started(), step(1, 3.0)])
    runs = RunShelf(tmp_path)
    first = runs.events("Model.run", after=0)
    assert first is not None
    assert [event["event"] for event in first["events"]] == ["RunStarted", "StepDone"]
    with (run / "metrics.jsonl").open("ab") as file:
        file.write(json.dumps(step(2, 2.0)).encode() + b"\nno event\n" + b'{"event": "Half')
    second = runs.events("Model.run", after=first["next"])
    assert second is not None
    assert [event["step"] for event in second["events"]] == [2]
    third = runs.events("Model.run", after=second["next"])
    assert third == {"events": [], "next": second["next"], "more": False}
    anew = runs.events("Model.run", after=10**9)  # the file is shorter: from its beginning
    assert anew is not None
    assert len(anew["events"]) == 3


def test_a_long_file_is_told_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "MAX_EVENT_BYTES", 5_000)
    write_run(tmp_path, DEEP[:200])
    runs, events, after = RunShelf(tmp_path), [], 0
    while True:
        told = runs.events("Model.run", after=after)
        assert told is not None
        events += told["events"]
        after = told["next"]
        if not told["more"]:
            break
    assert events == DEEP[:200]


@pytest.mark.parametrize("name", ["gone.run", "..", "../Model.run", "link.run", "Model.run/x", ""])
def test_no_other_folder_is_reached_by_a_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "inside").mkdir()
    write_run(tmp_path, DEEP[:9])
    (tmp_path / "inside" / "link.run").symlink_to(tmp_path / "Model.run")
    runs = RunShelf(tmp_path / "inside")
    assert runs.curve(name, points=800) is None
    assert runs.events(name, after=0) is None


def test_all_that_is_drawn_of_a_run(tmp_path: Path) -> None:
    said = [sampled(0, "x\x1b", prompt="Hi", number=0), sampled(1, "a", prompt="Hi", number=0)]
    again = sampled(1, "b", prompt="Hi", number=0)  # it went back and came here anew
    events = [
        started(chars_per_id=2.0),
        evaluated(0, 5.0),
        *said,
        again,
        step(1, 4.0),
        step(2, 3.0),
    ]
    write_run(tmp_path, events, settings='seed = 3\nstrip = "all"\n')
    told = curve(tmp_path)
    assert told["curves"]["training"] == [[1, 1, 2.0, 2.0, 2.0], [2, 2, 1.5, 1.5, 1.5]]
    assert told["curves"]["validation"] == [[0, 0, 5.0, 5.0, 5.0]]
    assert told["samples"] == [
        {
            "number": 0,
            "prompt": "Hi",
            "is_told": True,
            "texts": [{"step": 0, "text": "x"}, {"step": 1, "text": "b"}],
        }
    ]
    assert [mark["nats"] for mark in told["marks"]] == [5.0, 3.0, 2.0]
    assert told["settings"] == {"seed": "3", "strip": "all"}
    assert told["state"] == "stopped"
    assert json.dumps(told, allow_nan=False)


def test_in_private_no_file_and_no_word_of_the_text_is_told(tmp_path: Path) -> None:
    events = [
        started(),
        sampled(0, "noise", prompt="SECRET?", number=0),
        {"event": "CheckpointSaved", "step": 0, "path": "/home/SECRET", "seconds": 1.0},
        {"event": "SaveFailed", "step": 0, "why": "/home/SECRET is full"},
    ]
    write_run(tmp_path, events, settings='seed = 3\nreplay = "SECRET"\n')
    runs = RunShelf(tmp_path, hides_text=True)
    told = json.dumps(
        [runs.runs(), runs.curve("Model.run", points=9), runs.events("Model.run", after=0)]
    )
    assert "SECRET" not in told
    assert str(tmp_path) not in told
    assert "noise" in told


def test_a_run_that_goes_away_while_it_is_watched(tmp_path: Path) -> None:
    run = write_run(tmp_path, DEEP[:9])
    runs = RunShelf(tmp_path)
    assert runs.curve("Model.run", points=9) is not None
    (run / "metrics.jsonl").unlink()
    told = runs.curve("Model.run", points=9)
    assert told is not None
    assert (told["state"], told["curves"]["training"]) == ("empty", [])
    run.rename(tmp_path / "elsewhere")
    assert runs.curve("Model.run", points=9) is None


def test_figures_that_can_not_be_are_none_and_the_rest_is_told(tmp_path: Path) -> None:
    facts = {"chars_per_id": 1e-300, "guessing": True, "letters": 10**400, "spelling": 2.0}
    odd = {"progress": "half", "elapsed_s": [1]}
    write_run(tmp_path, [started(**facts), step(1, 3.0), evaluated(1, 2.5), step(2, 2.0, **odd)])
    told = curve(tmp_path)
    assert [mark["nats"] for mark in told["marks"]] == [2.0]
    assert [point[3] for point in told["curves"]["training"]] == [3.0, 2.0]
    assert (told["progress"], told["left_s"]) == (None, None)
    assert json.dumps(told, allow_nan=False)


@pytest.mark.skipif(sys.platform != "linux", reason="names there are text")
def test_a_run_that_no_address_leads_to_is_not_told(tmp_path: Path) -> None:
    write_run(tmp_path, [started()])
    os.mkdir(os.fsencode(tmp_path) + b"/\xff.run")  # noqa: PTH102  a name that is no text
    assert [run["name"] for run in RunShelf(tmp_path).runs()] == ["Model.run"]


def test_what_happened_is_told_in_sentences_and_the_usual_course_is_not(tmp_path: Path) -> None:
    paced = {"event": "Paced", "step": 1, "num_ranks": 2, "slowest": 0, "waiting": 0.5}
    failed = {"event": "SaveFailed", "step": 2, "why": "/home/anna/disk is full"}
    write_run(tmp_path, [started(), paced, failed])

    def happened(*, hides_text: bool) -> list[dict[str, Any]]:
        told = RunShelf(tmp_path, hides_text=hides_text).curve("Model.run", points=10)
        assert told is not None
        found: list[dict[str, Any]] = told["happened"]
        return found

    began = {"step": 0, "text": "The run began."}
    assert happened(hides_text=False) == [
        began,
        {"step": 2, "text": "Not saved at step 2: /home/anna/disk is full. Training goes on."},
    ]
    assert happened(hides_text=True) == [
        began,
        {"step": 2, "text": "Not saved at step 2: (not shown here). Training goes on."},
    ]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_no_link_in_a_run_shows_what_lies_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    elsewhere = write_run(tmp_path / "mine", [started(), step(1, 2.0)], name="private.run")
    (elsewhere / "settings.toml").write_text("secret = 1\n", encoding="utf-8")
    run = write_run(tmp_path, [])
    for name in ("metrics.jsonl", "settings.toml"):
        (run / name).unlink(missing_ok=True)
        (run / name).symlink_to(elsewhere / name)
    shelf = RunShelf(tmp_path)
    told = curve(tmp_path)
    assert (shelf.runs()[0]["state"], told["step"], told["settings"]) == ("empty", 0, {})
    assert shelf.events("Model.run", after=0) == {"events": [], "next": 0, "more": False}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seed = 0x" + "f" * 5_000, {}),
        ('"a\\u202eb" = "\\u001b[2Jx\\u202e"', {"ab": "[2Jx"}),
        ("".join(f"k{n} = {n}\n" for n in range(2_000)), {f"k{n}": str(n) for n in range(500)}),
    ],
    ids=["digits", "controls", "many"],
)
def test_settings_of_anybody_are_told_in_bounds(
    tmp_path: Path, text: str, told: dict[str, str]
) -> None:
    run = write_run(tmp_path, [started()])
    (run / "settings.toml").write_text(text, encoding="utf-8")
    assert curve(tmp_path)["settings"] == told
