"""The page of a run."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from lumina_cli.recipes.run.report_page import Curve, chart, read_events, write_report_page

EVENTS = [
    {"event": "RunStarted", "step": 0},
    *(
        {"event": "StepDone", "step": step, "loss": 3 / step, "learning_rate": 1e-3,
         "num_chars": 64, "elapsed_s": step * 0.5, "memory_bytes": 10**8}
        for step in range(1, 2001)
    ),
    {"event": "Evaluated", "step": 2000, "nats_per_char": 1.5},
    {"event": "Evaluated", "step": 2000, "nats_per_char": None},
    {"event": "Sampled", "step": 9, "text": "<script>alert(1)</script>\n& more"},
    {"event": "BatchSplit", "step": 7, "micro_batch_size": 2},
]  # fmt: skip


def page_of(folder: Path) -> str:
    text = "".join(json.dumps(event) + "\n" for event in EVENTS) + '{"event": "Step'
    (folder / "metrics.jsonl").write_text(text, encoding="utf-8")
    (folder / "settings.toml").write_text('seed = 1\nlang = "en"\n', encoding="utf-8")
    path = write_report_page(folder, title="Training of M<1>.pth", facts={"data": "a & b"})
    return path.read_text(encoding="utf-8")


def test_the_page_shows_curves_samples_settings_and_what_happened(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    for part in ["Loss (nats)", "Loss (bits)", "training, per id",
                 "validation, per character", "Learning rate", "Characters per second",
                 "Memory (MB)", "seed", "Batch split", "micro batch size 2"]:  # fmt: skip
        assert part in page, part
    assert page.count("<polyline") == 7


def test_the_page_loads_nothing_and_runs_nothing(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    for forbidden in ["<script", "http:", "https:", "src=", "@import", "url("]:
        assert forbidden not in page
    assert "&lt;script&gt;" in page
    assert "M&lt;1&gt;.pth" in page


def test_the_page_is_well_formed(tmp_path: Path) -> None:
    body = page_of(tmp_path).split("<body>")[1].split("</body>")[0]
    ET.fromstring(f"<body>{body}</body>")


def test_a_curve_goes_from_corner_to_corner() -> None:
    svg = chart("t", [Curve("c", "#000", [(0.0, 0.0), (10.0, 1.0)])])
    assert 'points="48.0,196.0 630.0,26.0"' in svg
    assert chart("t", [Curve("c", "#000", [])]) == ""
    assert chart("t", [Curve("c", "#000", [(1.0, 1.0)])])


@pytest.mark.parametrize("start", ["RunStarted", "Begun"])
def test_what_a_resume_did_anew_is_shown_once(tmp_path: Path, start: str) -> None:
    path = tmp_path / "metrics.jsonl"
    lines = [
        (start, 0),
        ("StepDone", 1),
        ("StepDone", 2),
        (start, 1),
        ("StepDone", 2),
    ]
    path.write_text("".join(json.dumps({"event": e, "step": s}) + "\n" for e, s in lines))
    told = [(event["event"], event["step"]) for event in read_events(path)]
    assert told == [(start, 0), ("StepDone", 1), (start, 1), ("StepDone", 2)]


def test_numbers_are_those_a_person_reads() -> None:
    svg = chart("t", [Curve("c", "#000", [(0.0, 0.0), (1_500.0, 88_412.0)])])
    assert ">88,412<" in svg
    assert ">1,500<" in svg
    small = chart("t", [Curve("c", "#000", [(0.0, 0.0003), (1.0, 0.0015)])])
    assert ">0.0015<" in small


def test_the_page_follows_the_readers_choice_of_light_or_dark(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    assert "color-scheme: light dark" in page
    style, body = page.split("</style>")
    assert "prefers-color-scheme: dark" in style
    assert 'stroke="#ddd"' not in body
