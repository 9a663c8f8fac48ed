"""The page of a run: curves, samples, settings and what happened, in one file.

It opens offline: its drawings are SVG made here, and it loads nothing.
"""

import html
import json
import math
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lumina_cli.core.training.events import with_new_fields
from lumina_cli.io.run_folder import METRICS, REPORT, SETTINGS
from lumina_cli.recipes.run.events import STARTS

WIDTH, HEIGHT, MARGIN = 640, 220, 48
MOST_POINTS = 600
"""More points than pixels only make the file larger."""

REWINDS = STARTS | {"RolledBack"}
"""Events that tell from which step the run goes on."""

QUIET = {"StepDone", "EpochDone", "Evaluated", "Sampled", "CheckpointSaved", "Saved"}
"""Events that curves and samples show; the others are what happened."""

Event = dict[str, Any]
Points = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Curve:
    """A line in a chart."""

    name: str
    colour: str
    points: Points


def write_report_page(folder: Path, *, title: str, facts: Mapping[str, str]) -> Path:
    """Write `report.html` from what a run's folder holds. Raises OSError."""
    events = list(read_events(folder / METRICS))
    page = render_page(events, title=title, facts=facts, settings=_settings(folder / SETTINGS))
    path = folder / REPORT
    path.write_text(page, encoding="utf-8")
    return path


def read_events(path: Path) -> Iterator[Event]:
    """Yield the events of a run as it went: what a resume did anew is left out once."""
    events: list[Event] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            event = json.loads(line)
        except ValueError:  # a line that a crash cut off
            continue
        if event.get("event") in REWINDS:
            events = [e for e in events if e.get("step", 0) <= event["step"]]
        events.append(with_new_fields(event))
    yield from events


def render_page(
    events: Sequence[Event],
    *,
    title: str,
    facts: Mapping[str, str],
    settings: Mapping[str, object],
) -> str:
    """Return the page as HTML."""
    steps = [event for event in events if event["event"] == "StepDone"]
    evaluated = [event for event in events if event["event"] == "Evaluated"]
    parts = [
        _table("The run", facts),
        chart("Loss (nats)", _losses(steps, evaluated, scale=1.0)),
        chart("Loss (bits)", _losses(steps, evaluated, scale=1 / math.log(2))),
        chart(
            "Learning rate", [Curve("learning rate", "#7a5195", _points(steps, "learning_rate"))]
        ),
        chart("Characters per second", [Curve("speed", "#2f7d4f", _speed(steps))]),
        chart("Memory (MB)", [Curve("memory", "#8a6d1a", _points(steps, "memory_bytes", 1e-6))]),
        _samples(events),
        _happened(events),
        _table("Settings", {name: str(value) for name, value in settings.items()}),
    ]
    return _PAGE.format(title=html.escape(title), body="\n".join(parts))


def chart(title: str, curves: Sequence[Curve]) -> str:
    """Return curves over steps as an SVG; empty where there is nothing to draw."""
    curves = [curve for curve in curves if curve.points]
    if not curves:
        return ""
    xs = [x for curve in curves for x, _ in curve.points]
    ys = [y for curve in curves for _, y in curve.points]
    x_range, y_range = _range(xs), _range(ys)
    lines = [
        f'<polyline fill="none" stroke="{curve.colour}" stroke-width="1.5" points="'
        + " ".join(_place(x, y, x_range, y_range) for x, y in _thin(curve.points))
        + f'"><title>{html.escape(curve.name)}</title></polyline>'
        for curve in curves
    ]
    keys = "".join(
        f'<tspan fill="{curve.colour}" dx="12">{html.escape(curve.name)}</tspan>'
        for curve in curves
    )
    return (
        f'<section><h2>{html.escape(title)}</h2><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{html.escape(title)}">{_axes(x_range, y_range)}{"".join(lines)}'
        f'<text x="{MARGIN}" y="14">{keys}</text></svg></section>'
    )


def _losses(steps: Sequence[Event], evaluated: Sequence[Event], *, scale: float) -> list[Curve]:
    return [
        Curve("training, per id", "#8fb3d9", _points(steps, "loss", scale)),
        Curve("validation, per character", "#c0392b", _points(evaluated, "nats_per_char", scale)),
        Curve("old text", "#2f7d4f", _points(evaluated, "base_loss", scale)),
    ]


def _points(events: Iterable[Event], key: str, scale: float = 1.0) -> Points:
    return [(e["step"], e[key] * scale) for e in events if e.get(key) is not None]


def _speed(steps: Sequence[Event]) -> Points:
    """Return characters per second, over stretches of about a hundredth of the run."""
    stretch = max(len(steps) // 100, 1)
    points = []
    for before, after in zip(steps[::stretch], steps[stretch::stretch], strict=False):
        seconds = after["elapsed_s"] - before["elapsed_s"]
        chars = after["num_chars"] * (after["step"] - before["step"])
        if seconds > 0:
            points.append((float(after["step"]), chars / seconds))
    return points


def _thin(points: Points) -> Points:
    """Return means of neighbours, so that a curve has no more points than can be seen."""
    size = -(-len(points) // MOST_POINTS)
    if size <= 1:
        return points
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [
        (sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group))
        for group in groups
    ]


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _place(x: float, y: float, x_range: tuple[float, float], y_range: tuple[float, float]) -> str:
    across = (x - x_range[0]) / (x_range[1] - x_range[0])
    up = (y - y_range[0]) / (y_range[1] - y_range[0])
    left = MARGIN + across * (WIDTH - MARGIN - 10)
    top = HEIGHT - 24 - up * (HEIGHT - 50)
    return f"{left:.1f},{top:.1f}"


def _axes(x_range: tuple[float, float], y_range: tuple[float, float]) -> str:
    marks = []
    for share in (0.0, 0.5, 1.0):
        x = x_range[0] + share * (x_range[1] - x_range[0])
        y = y_range[0] + share * (y_range[1] - y_range[0])
        left, _ = _place(x, y_range[0], x_range, y_range).split(",")
        _, top = _place(x_range[0], y, x_range, y_range).split(",")
        marks.append(
            f'<line x1="{MARGIN}" x2="{WIDTH - 10}" y1="{top}" y2="{top}"/>'
            f'<text x="{MARGIN - 4}" y="{top}" text-anchor="end" dy="4">{_number(y)}</text>'
            f'<text x="{left}" y="{HEIGHT - 6}" text-anchor="middle">{x:,.0f}</text>'
        )
    return "".join(marks)


def _samples(events: Sequence[Event]) -> str:
    rows = [
        f"<tr><th>step {event['step']:,}</th><td><pre>{html.escape(event['text'])}</pre></td></tr>"
        for event in events
        if event["event"] == "Sampled"
    ]
    return f"<section><h2>What it said</h2><table>{''.join(rows)}</table></section>" if rows else ""


def _happened(events: Sequence[Event]) -> str:
    rows = [
        f"<tr><th>step {event.get('step', 0):,}</th>"
        f"<td>{html.escape(_in_words(event['event']))}</td><td>"
        + html.escape(_details(event))
        + "</td></tr>"
        for event in events
        if event["event"] not in QUIET
    ]
    return f"<section><h2>What happened</h2><table>{''.join(rows)}</table></section>"


def _in_words(name: str) -> str:
    """Return the name of an event as words: `BatchSplit` is Batch split."""
    return re.sub(r"(?<=[a-z])([A-Z])", lambda letter: " " + letter[1].lower(), name)


def _details(event: Event) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {_number(value) if type(value) is float else value}"
        for name, value in event.items()
        if name not in ("event", "step")
    )


def _number(value: float) -> str:
    """Return a number as a person reads it: no exponents for what is merely large."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def _table(title: str, values: Mapping[str, str]) -> str:
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
        for name, value in values.items()
    )
    return f"<section><h2>{html.escape(title)}</h2><table>{rows}</table></section>"


def _settings(path: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError):
        return {}


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; --text: #222; --quiet: #555; --paper: #fff; --line: #ddd; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --text: #e4e4e4; --quiet: #a8a8a8; --paper: #191b1f; --line: #3a3d44; }}
}}
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 46rem; padding: 0 1rem;
  color: var(--text); background: var(--paper); }}
h1 {{ font-size: 1.5rem; }} h2 {{ font-size: 1.05rem; margin: 1.6rem 0 .4rem; }}
svg {{ width: 100%; height: auto; overflow: visible; }} svg line {{ stroke: var(--line); }}
svg text {{ font-size: 11px; fill: var(--quiet); }}
@media (max-width: 32rem) {{ svg text {{ font-size: 15px; }} }}
table {{ border-collapse: collapse; width: 100%; }}
th {{ text-align: left; font-weight: 500; color: var(--quiet); padding: .15rem 1rem .15rem 0;
  vertical-align: top; white-space: nowrap; }}
td {{ overflow-wrap: break-word; vertical-align: top; }}
pre {{ margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""
