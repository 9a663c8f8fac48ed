"""Learning rate, speed and memory over a run, and what each says of this run."""

from lumina_cli.recipes.run.report_page.buckets import Buckets
from lumina_cli.recipes.run.report_page.charts import Curve, Point, Unit, chart, number
from lumina_cli.recipes.run.report_page.history import RunHistory
from lumina_cli.recipes.run.report_page.points import in_steps, mean, points

MEGABYTE = 1e-6
LEVEL = 0.05
"""Of memory: what it goes up and down by anyhow."""


def other_sections(history: RunHistory) -> str:
    """Return the charts of all that is told of a run besides its loss."""
    curves = history.curves
    return "\n".join(
        [
            _section("Learning rate", "", _rate(curves["learning_rate"])),
            _section("Speed", "characters a second", _speed(history.speed)),
            _section("Memory", "MB", _memory(curves["memory_bytes"])),
        ]
    )


def _section(title: str, unit: str, curve: Curve | None) -> str:
    if curve is None:
        return ""
    label = f"{title} in {unit}" if unit else title
    return f"<section><h2>{label}</h2>{chart(label, [curve], units=[Unit(unit)])}</section>"


def _rate(buckets: Buckets) -> Curve | None:
    ordered = buckets.ordered()
    if not ordered:
        return None
    peak = max(ordered, key=lambda each: each.high)
    meaning = f"is how far each step goes: at most {number(peak.high)} (at {in_steps(peak)}), "
    meaning += f"{number(ordered[-1].mean)} at {in_steps(ordered[-1])}."
    return Curve("Learning rate", "rate", points(buckets), meaning)


def _speed(buckets: Buckets) -> Curve | None:
    """Return the mean speed alone: a single step may be held up by anything."""
    ordered = buckets.ordered()
    if not ordered:
        return None
    means = [each.mean for each in ordered]
    meaning = f"is {number(mean(ordered))} characters a second over all steps"
    if len(means) > 1:
        meaning += f", from {number(min(means))} to {number(max(means))} in parts of the run"
    at = [Point(float(each.last_step), each.mean, each.mean, each.mean) for each in ordered]
    return Curve("Speed", "speed", at, meaning + ".")


def _memory(buckets: Buckets) -> Curve | None:
    """Return what is used, from zero; nothing where the system does not tell."""
    ordered = buckets.ordered()
    if not ordered or not any(each.high for each in ordered):
        return None
    most = max(each.high for each in ordered)
    meaning = f"is at most {number(most * MEGABYTE)} MB"
    half = ordered[len(ordered) // 2 :]
    if len(half) > 1:
        low, high = min(each.low for each in half), max(each.high for each in half)
        is_level = high - low <= LEVEL * high
        meaning += f"; in the second half of the run it {'stays level, ' if is_level else 'is '}"
        least, most_then = number(low * MEGABYTE), number(high * MEGABYTE)
        meaning += f"between {least} and {most_then} MB" if least != most_then else f"at {least} MB"
    return Curve("Memory", "memory", points(buckets, scale=MEGABYTE), meaning + ".")
