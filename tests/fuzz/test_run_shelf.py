"""Folders of runs from elsewhere, as `lumina watch` and `serve --runs` read them."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from lumina_cli.io.folders.run_folder import METRICS, SETTINGS
from lumina_cli.recipes.watch.shelf import MAX_POINTS, RunShelf

from .bounds import fuzzed, reads_or_refuses
from .mutations import VALUES, bytes_changed, lines_changed, randoms

RUN = Path(__file__).parents[1] / "old_files" / "runs" / "lora" / "Model.run"
SETTINGS_TEXTS = (
    b"a = " + b"[" * 5_000,
    b"seed = 0x" + b"f" * 5_000,
    b"seed = [0x" + b"f" * 5_000 + b"]",
    b"".join(b"k%d = %d\n" % (n, n) for n in range(5_000)),
    b'"\\u202e\\u001b[2J" = "\\u202e\\u001b[2J"\n',
    b"a = 1979-05-27T07:32:00\nb = nan\n" + b"c.d." * 100 + b"e = 1\n",
)
MOST_ANSWER_BYTES = 2_000_000


def test_changed_runs_are_told_as_plain_values(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("runs")
    run = folder / "Model.run"
    run.mkdir()
    lines = (RUN / METRICS).read_bytes().splitlines()
    settings = (RUN / SETTINGS).read_bytes()

    def use(after: int, points: int, *, hides_text: bool) -> None:
        shelf = RunShelf(folder, hides_text=hides_text)
        answers = (
            shelf.runs(),
            shelf.events("Model.run", after=after),
            shelf.curve("Model.run", points=points),
        )
        assert all(answers)
        for answer in answers:
            text = json.dumps(answer, allow_nan=False)
            assert len(text) < MOST_ANSWER_BYTES
            assert json.loads(text) == answer

    @fuzzed
    @given(rng=randoms(), odd=VALUES)
    def check(rng: random.Random, odd: Any) -> None:
        changed = lines_changed(lines, rng, odd)
        (run / METRICS).write_bytes(b"\n".join(changed) + b"\n" * rng.randrange(2))
        (run / SETTINGS).write_bytes(rng.choice((bytes_changed(settings, rng), *SETTINGS_TEXTS)))
        after, points = rng.randrange(5_000), rng.randrange(10, MAX_POINTS)
        assert reads_or_refuses(lambda: use(after, points, hides_text=rng.random() < 0.5))

    check()
