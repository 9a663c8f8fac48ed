"""The page of a run: curves, samples, settings and what happened, in one file.

It opens offline: its drawings are SVG made here, it loads nothing and runs nothing, and its policy
forbids both. However long the run, it is no larger than a few hundred kilobytes.
"""

import html
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from lumina_cli.io.atomic import write_atomically
from lumina_cli.io.folders.run_names import REPORT, SETTINGS
from lumina_cli.io.regular_file import read_whole
from lumina_cli.io.terminal_text import strip_controls
from lumina_cli.recipes.run.event_text import sentence_of
from lumina_cli.recipes.run.reached import Landmarks
from lumina_cli.recipes.run.report_page.event_lines import Event
from lumina_cli.recipes.run.report_page.frame import page
from lumina_cli.recipes.run.report_page.history import FirstAndLast, RunHistory
from lumina_cli.recipes.run.report_page.loss_chart import loss_section
from lumina_cli.recipes.run.report_page.other_charts import other_sections
from lumina_cli.recipes.run.report_page.progress import progress_section

MAX_CELL_CHARS = 2_000


def write_report_page(
    folder: Path,
    *,
    history: RunHistory,
    title: str,
    facts: Mapping[str, str],
    landmarks: Landmarks | None = None,
) -> Path:
    """Write `report.html` into a run's folder.

    Raises:
        LuminaError: it can't be written.
    """
    text = render_page(
        history,
        title=title,
        facts=facts,
        settings=_settings(folder / SETTINGS),
        landmarks=landmarks,
    )
    path = folder / REPORT
    write_atomically(path, text.encode("utf-8", errors="replace"))
    return path


def render_page(
    history: RunHistory,
    *,
    title: str,
    facts: Mapping[str, str],
    settings: Mapping[str, str],
    landmarks: Landmarks | None = None,
) -> str:
    """Return the page as HTML."""
    parts = [
        _table("The run", facts),
        loss_section(history, landmarks),
        progress_section(
            history.samples,
            training=history.curves["loss"],
            chars_per_id=landmarks.chars_per_id if landmarks else 1.0,
        ),
        other_sections(history),
        _happened(history.happened),
        _table("Settings", settings),
    ]
    return strip_controls(page(title, "\n".join(part for part in parts if part)))


def _happened(happened: FirstAndLast) -> str:
    """Return a row for each event, and one that counts those left out."""
    first, last = ("".join(map(_row, events)) for events in (happened.first, happened.last))
    more = f"and {happened.num_left_out:,} more"
    left_out = f"<tr><td></td><td>{more}</td></tr>" if happened.num_left_out else ""
    rows = first + left_out + last
    return f"<section><h2>What happened</h2><table>{rows}</table></section>" if rows else ""


def _row(event: Event) -> str:
    told = sentence_of(event) or _in_words(event["event"])
    return (
        f'<tr><th scope="row">step {event["step"]:,}</th>'
        f"<td>{html.escape(told[:1].upper() + told[1:])}</td></tr>"
    )


def _in_words(name: str) -> str:
    """Return the name of an event as words: `BatchSplit` is Batch split."""
    return re.sub(r"(?<=[a-z])([A-Z])", lambda letter: " " + letter[1].lower(), name)


def _table(title: str, values: Mapping[str, str]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th>'
        f"<td>{html.escape(value[:MAX_CELL_CHARS])}</td></tr>"
        for name, value in values.items()
    )
    return f"<section><h2>{html.escape(title)}</h2><table>{rows}</table></section>" if rows else ""


def _settings(path: Path) -> Mapping[str, str]:
    """Return the settings that a run's folder tells; none where somebody has spoilt them."""
    try:
        told = tomllib.loads(read_whole(path).decode())
        shown = {name: _as_written(value) for name, value in told.items()}
    except (OSError, ValueError, RecursionError):
        return {}
    return {name: value for name, value in shown.items() if value}


def _as_written(value: object) -> str:
    """Return a setting as a person writes it in a settings file; nothing where it is empty."""
    if isinstance(value, list):
        return ", ".join(map(_as_written, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
