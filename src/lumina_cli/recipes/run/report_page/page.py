"""The page of a run: curves, samples, settings and what happened, in one file.

It opens offline: its drawings are SVG made here, and it loads nothing. However long the run, it
is no larger than a few hundred kilobytes.
"""

import html
import math
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

from lumina_cli.io.atomic import write_atomically
from lumina_cli.io.regular_file import read_whole
from lumina_cli.io.run_names import REPORT, SETTINGS
from lumina_cli.io.terminal_text import strip_controls
from lumina_cli.recipes.run.report_page.charts import Curve, Point, chart, number
from lumina_cli.recipes.run.report_page.history import Buckets, Event, FirstAndLast, RunHistory

MAX_CELL_CHARS = 2_000


def write_report_page(
    folder: Path, *, history: RunHistory, title: str, facts: Mapping[str, str]
) -> Path:
    """Write `report.html` into a run's folder. Raises LuminaError where it can't be written."""
    page = render_page(history, title=title, facts=facts, settings=_settings(folder / SETTINGS))
    path = folder / REPORT
    write_atomically(path, page.encode("utf-8", errors="replace"))
    return path


def render_page(
    history: RunHistory,
    *,
    title: str,
    facts: Mapping[str, str],
    settings: Mapping[str, str],
) -> str:
    """Return the page as HTML."""
    rate, memory = history.curves["learning_rate"], history.curves["memory_bytes"]
    parts = [
        _table("The run", facts),
        chart("Loss (nats)", _losses(history, scale=1.0)),
        chart("Loss (bits)", _losses(history, scale=1 / math.log(2))),
        chart("Learning rate", [_curve("learning rate", "#7a5195", rate)]),
        chart("Characters per second", [_speed(history)]),
        chart("Memory (MB)", [_curve("memory", "#8a6d1a", memory, scale=1e-6)]),
        _samples(history.samples),
        _happened(history.happened),
        _table("Settings", settings),
    ]
    return strip_controls(_PAGE.format(title=html.escape(title), body="\n".join(parts)))


def _losses(history: RunHistory, *, scale: float) -> list[Curve]:
    lines = [
        ("training, per id", "#8fb3d9", "loss"),
        ("validation, per character", "#c0392b", "nats_per_char"),
        ("old text", "#2f7d4f", "base_loss"),
    ]
    return [_curve(name, colour, history.curves[key], scale=scale) for name, colour, key in lines]


def _curve(name: str, colour: str, buckets: Buckets, *, scale: float = 1.0) -> Curve:
    return Curve(
        name,
        colour,
        [
            Point(
                (each.first_step + each.last_step) / 2,
                each.mean * scale,
                each.low * scale,
                each.high * scale,
            )
            for each in buckets.ordered()
        ],
    )


def _speed(history: RunHistory) -> Curve:
    """Return the mean speed alone: a single step may be held up by anything."""
    means = [(float(each.last_step), each.mean) for each in history.speed.ordered()]
    return Curve("speed", "#2f7d4f", [Point(step, mean, mean, mean) for step, mean in means])


def _samples(samples: FirstAndLast) -> str:
    rows = _rows(
        samples,
        lambda event: f"<td><pre>{html.escape(str(event.get('text', '')))}</pre></td>",
        num_cells=1,
    )
    return f"<section><h2>What it said</h2><table>{rows}</table></section>" if rows else ""


def _happened(happened: FirstAndLast) -> str:
    rows = _rows(
        happened,
        lambda event: (
            f"<td>{html.escape(_in_words(event['event']))}</td>"
            f"<td>{html.escape(_details(event))}</td>"
        ),
        num_cells=2,
    )
    return f"<section><h2>What happened</h2><table>{rows}</table></section>"


def _rows(events: FirstAndLast, cells: Callable[[Event], str], *, num_cells: int) -> str:
    """Return a row for each event, and one that counts those left out."""
    first, last = (
        "".join(f"<tr><th>step {event['step']:,}</th>{cells(event)}</tr>" for event in shown)
        for shown in (events.first, events.last)
    )
    if not events.num_left_out:
        return first + last
    more = f'<tr><th></th><td colspan="{num_cells}">and {events.num_left_out:,} more</td></tr>'
    return first + more + last


def _in_words(name: str) -> str:
    """Return the name of an event as words: `BatchSplit` is Batch split."""
    return re.sub(r"(?<=[a-z])([A-Z])", lambda letter: " " + letter[1].lower(), name)


def _details(event: Event) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {number(value) if type(value) is float else value}"
        for name, value in event.items()
        if name not in ("event", "step")
    )


def _table(title: str, values: Mapping[str, str]) -> str:
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(value[:MAX_CELL_CHARS])}</td></tr>"
        for name, value in values.items()
    )
    return f"<section><h2>{html.escape(title)}</h2><table>{rows}</table></section>"


def _settings(path: Path) -> Mapping[str, str]:
    """Return the settings that a run's folder tells; none where somebody has spoilt them."""
    try:
        told = tomllib.loads(read_whole(path).decode())
        return {name: str(value) for name, value in told.items()}
    except (OSError, ValueError, RecursionError):
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
