"""The page of a run."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

from lumina_cli.recipes.run.report_page.history import RunHistory, read_history
from lumina_cli.recipes.run.report_page.page import write_report_page

EVENTS = [
    {"event": "RunStarted", "step": 0},
    *(
        {"event": "StepDone", "step": step, "loss": 3 / step, "learning_rate": 1e-3,
         "num_chars": 64, "elapsed_s": step * 0.5, "memory_bytes": 10**8}
        for step in range(1, 2001)
    ),
    {"event": "Evaluated", "step": 2000, "nats_per_char": 1.5},
    {"event": "Evaluated", "step": 2000, "nats_per_char": None},
    {"event": "Sampled", "step": 9, "text": "<script>alert(1)</script>\n& more\x1b[2J\x9b\u202e"},
    {"event": "BatchSplit", "step": 7, "micro_batch_size": 2},
]  # fmt: skip


def page_of(folder: Path) -> str:
    text = "".join(json.dumps(event) + "\n" for event in EVENTS) + '{"event": "Step'
    (folder / "metrics.jsonl").write_text(text, encoding="utf-8")
    (folder / "settings.toml").write_text('seed = 1\nlang = "en"\n', encoding="utf-8")
    return written(folder, read_history(folder / "metrics.jsonl"))


def written(folder: Path, history: RunHistory, **facts: str) -> str:
    facts = {"data": "a & b", **facts}
    path = write_report_page(folder, history=history, title="Training of M<1>.pth", facts=facts)
    return path.read_text(encoding="utf-8")


def test_the_page_shows_curves_samples_settings_and_what_happened(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    for part in ["Loss", "Training", "Validation", "Learning rate", "Speed", "Memory", "seed",
                 "What it said"]:  # fmt: skip
        assert f">{part}<" in page, part
    assert "done again in micro-batches of 2 windows" in page
    assert page.count("<polyline") == 5


def test_the_page_loads_nothing_and_runs_nothing(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    for forbidden in ["<script", "http:", "https:", "src=", "@import", "url("]:
        assert forbidden not in page
    assert "&lt;script&gt;" in page
    assert "M&lt;1&gt;.pth" in page
    assert not set("\x1b\x9b\u202e") & set(page)


def test_the_page_is_well_formed(tmp_path: Path) -> None:
    body = page_of(tmp_path).split("<body>")[1].split("</body>")[0]
    ET.fromstring(f"<body>{body}</body>")


def test_the_page_follows_the_readers_choice_of_light_or_dark(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    assert "color-scheme: light dark" in page
    style, body = page.split("</style>")
    assert "prefers-color-scheme: dark" in style
    assert "#" not in body.replace("&#", "")


def told_much(num_events: int) -> RunHistory:
    history = RunHistory()
    for step in range(1, num_events + 1):
        figures = {"loss": 1.0 + step % 7, "learning_rate": 1e-3, "memory_bytes": 10**8 + step % 5}
        time = {"num_chars": 64, "elapsed_s": step * 0.5}
        history.add({"event": "StepDone", "step": step, **figures, **time})
        evaluated = {"event": "Evaluated", "step": step, "base_loss": 1.0 + step % 3}
        history.add({**evaluated, "nats_per_char": 1.0 + step % 5})
        history.add({"event": "Sampled", "step": step, "text": f"<{step}>" * 1000})
        history.add({"event": "SaveFailed", "step": step, "why": "full " * 1000})
    return history


def test_the_page_of_a_long_run_is_no_larger_than_that_of_a_shorter_one(tmp_path: Path) -> None:
    shorter, longer = (
        written(tmp_path, told_much(number), data="x" * 10**6) for number in (4_800, 9_600)
    )
    assert len(longer) < 1.02 * len(shorter) < 1_000_000
    ET.fromstring(f"<body>{longer.split('<body>')[1].split('</body>')[0]}</body>")


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    page = written(tmp_path, told_much(300))
    assert "and 240 more" in page  # of 300 samples, 10 and 50 are shown
    assert "and 100 more" in page  # of 300 troubles, 50 and 150
    assert "and 1 more" not in page
    few = written(tmp_path, told_much(3))
    assert not re.search("and [0-9]+ more", few)


def test_text_that_is_no_unicode_is_shown_with_a_mark(tmp_path: Path) -> None:
    history = RunHistory()
    history.add({"event": "Sampled", "step": 1, "text": "half a pair: \ud800."})
    assert "half a pair: ?." in written(tmp_path, history)


def test_settings_stand_as_in_a_settings_file_and_empty_ones_are_left_out(tmp_path: Path) -> None:
    settings = 'bot = []\nstrip = ""\nstop = ["a", "b"]\nfix_mojibake = false\n'
    (tmp_path / "settings.toml").write_text(settings, encoding="utf-8")
    page = written(tmp_path, RunHistory())
    assert "<td>a, b</td>" in page
    assert "<td>false</td>" in page
    assert ">bot<" not in page
    assert ">strip<" not in page


def test_charts_name_the_unit_of_their_figures(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    assert "<h2>Memory in MB</h2>" in page
    assert "<h2>Speed in characters a second</h2>" in page
    assert 'on average, in <span class="bits">bits</span><span class="nats">nats</span>' in page


def test_settings_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_bytes(b"\xff = [")
    assert "Settings" not in written(tmp_path, RunHistory())
