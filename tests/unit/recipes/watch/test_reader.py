"""A file of events that is read while it grows."""

import json
from pathlib import Path

import pytest

from lumina_cli.recipes.watch import reader as module
from lumina_cli.recipes.watch.reader import RunReader
from tests.unit.recipes.watch.runs import finished, sampled, started, step, write_run


def read(run: Path) -> RunReader:
    reader = RunReader(run / "metrics.jsonl")
    reader.update()
    return reader


def steps(reader: RunReader) -> list[int]:
    return [each.first_step for each in reader.history.curves["loss"].ordered()]


def test_a_line_is_read_once_it_is_whole(tmp_path: Path) -> None:
    run = write_run(tmp_path, [started(), step(1, 3.0)])
    reader = read(run)
    line = json.dumps(step(2, 2.5)).encode() + b"\n"
    with (run / "metrics.jsonl").open("ab", buffering=0) as file:
        for byte in range(0, len(line), 7):
            assert steps(reader) == [1]
            file.write(line[byte : byte + 7])
            reader.update()
    assert steps(reader) == [1, 2]
    assert reader.num_broken == 0
    assert reader.num_bytes == (run / "metrics.jsonl").stat().st_size


def test_a_file_that_begins_anew_is_read_anew(tmp_path: Path) -> None:
    reader = read(write_run(tmp_path, [started(), step(1, 3.0), step(2, 3.0), step(3, 1.0)]))
    write_run(tmp_path, [started(), step(7, 2.0)])
    reader.update()
    assert steps(reader) == [7]
    (tmp_path / "other").mkdir()
    other = write_run(tmp_path / "other", [started(), *(step(n, 2.0) for n in range(50, 70))])
    (other / "metrics.jsonl").replace(tmp_path / "Model.run" / "metrics.jsonl")
    reader.update()
    assert steps(reader)[0] == 50


def test_torn_lines_and_those_of_others_are_counted_and_passed_over(tmp_path: Path) -> None:
    run = write_run(tmp_path, [started(), step(1, 3.0)])
    with (run / "metrics.jsonl").open("ab") as file:
        file.write(b'{"event": "StepDone", "st\n[]\nnull\n\n' + b"[" * 300_000 + b"\n")
        file.write(b'{"event": "StepDone", "step": 2, "loss": NaN}\n')
        file.write(b'{"event": "StepDone", "step": 3, "loss": 1e999}\n')
        file.write(json.dumps(step(4, 2.0)).encode() + b"\n")
    reader = read(run)
    assert steps(reader) == [1, 4]
    assert reader.num_broken >= 4
    assert reader.last["step"] == 4


def test_what_is_saved_behind_the_end_does_not_hide_it(tmp_path: Path) -> None:
    saved = {"event": "SnapshotSaved", "step": 4, "path": "x"}
    reader = read(write_run(tmp_path, [started(), saved, finished(5), saved | {"step": 5}]))
    assert reader.last["event"] == "Finished"
    assert list(reader.snapshots) == [4, 5]


def test_samples_are_kept_by_their_prompts(tmp_path: Path) -> None:
    said = [sampled(1, "a", prompt="Hi", number=0), sampled(1, "b", prompt="Ho", number=1)]
    reader = read(write_run(tmp_path, [started(), *said, sampled(2, "x", number=99)]))
    assert [[e["text"] for e in each.first] for each in reader.history.samples] == [
        ["a"],
        ["b"],
        [],
    ]


def test_of_a_file_without_end_a_part_is_read_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BYTES_AT_ONCE", 500)
    run = write_run(tmp_path, [started(), *(step(n, 3.0) for n in range(1, 20))])
    reader = read(run)
    assert 500 <= reader.num_bytes < 800
    for _ in range(10):
        reader.update()
    assert steps(reader) == [*range(1, 20)]
    with (run / "metrics.jsonl").open("r+b") as file:
        file.truncate(1 << 40)  # holds nothing, and says that it is a terabyte
    reader.update()
    assert reader.num_bytes < 1_000_000
    assert steps(reader) == [*range(1, 20)]
