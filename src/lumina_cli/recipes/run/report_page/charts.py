"""Curves over steps as drawings (SVG) that need nothing else.

Numbers stand beside a drawing, not in it: however narrow the page, they are read and never cut off.
"""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

WIDTH, HEIGHT = 600, 240
"""Of a drawing's own coordinates; the page stretches it."""

NUM_TICKS = 4
MOST_DOTS = 60
"""Measurements that stand apart are dotted; more would be a line again."""
SMALLEST_RANGE = 1e-90
NEAR_ZERO = 0.05
"""Of the last step."""


class Point(NamedTuple):
    """A figure about a step: its mean, and the least and the most that it was there."""

    step: float
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Curve:
    """A line in a chart, a band around it, and what it means: HTML that goes on after its name.

    Its `kind` is its class in the style sheet, which gives its colour.
    """

    name: str
    kind: str
    points: Sequence[Point]
    meaning: str = ""
    has_dots: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A level to compare curves with, and what it means: HTML that goes on after its name."""

    name: str
    kind: str
    figure: float
    meaning: str


@dataclass(frozen=True, slots=True)
class Unit:
    """What figures are told in: its name, how many of it one is, and its class in the page."""

    name: str
    scale: float = 1.0
    kind: str = ""


@dataclass(frozen=True, slots=True)
class _Frame:
    """The steps and figures that a chart reaches from and to."""

    steps: tuple[float, float]
    ticks: Sequence[float]

    def place(self, step: float, figure: float) -> tuple[str, str]:
        """Return how far from the left and from the top that is drawn."""
        low, high = self.ticks[0], self.ticks[-1]
        across = (step - self.steps[0]) / (self.steps[1] - self.steps[0])
        up = (figure - low) / (high - low)
        return f"{across * WIDTH:.1f}", f"{(1 - up) * HEIGHT:.1f}"


def chart(
    title: str, curves: Sequence[Curve], *, units: Sequence[Unit], marks: Sequence[Mark] = ()
) -> str:
    """Return curves over steps, and what each means; empty where there is nothing to draw."""
    curves = [curve for curve in curves if curve.points]
    if not curves:
        return ""
    points = [point for curve in curves for point in curve.points]
    figures = [figure for point in points for figure in (point.low, point.high)]
    frame = _Frame(
        _step_range([point.step for point in points]),
        ticks_from_zero([*figures, *(mark.figure for mark in marks)]),
    )
    drawn = [_grid(frame), *(_mark(mark, frame) for mark in marks)]
    drawn += [_band(curve, frame) + _line(curve, frame) for curve in curves]
    return (
        f'<div class="chart">{_figures(frame, units)}'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{html.escape(title)}">{"".join(drawn)}</svg>'
        f'{_steps(frame)}</div><ul class="keys">'
        f"{''.join([*map(_key, curves), *map(_key, marks)])}</ul>"
    )


def ticks_from_zero(figures: Sequence[float]) -> list[float]:
    """Return round figures at equal distances, which reach from zero beyond all given ones."""
    low, high = min(0.0, *figures), max(0.0, *figures)
    if high - low < SMALLEST_RANGE:
        high = low + 1.0
    rough = (high - low) / NUM_TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    distance = next(times * size for times in (1, 2, 2.5, 5, 10, 20) if times * size >= rough)
    first, last = math.floor(low / distance), math.ceil(high / distance)
    return [distance * number for number in range(first, last + 1)]


def number(value: float) -> str:
    """Return a number as a person reads it: no exponents for what is merely large or small."""
    if 1_000 <= abs(value) < 1e15:
        return f"{value:,.0f}"
    rounded = f"{value:.3g}"
    return f"{float(rounded):.9f}".rstrip("0") if 1e-6 <= abs(value) < 1e-4 else rounded


def in_units(value: float, units: Sequence[Unit], *, has_names: bool = True) -> str:
    """Return a figure in each unit as HTML; the page shows one of them."""
    told = []
    for unit in units:
        text = number(value * unit.scale) + (f" {unit.name}" if has_names and unit.name else "")
        told.append(f'<span class="{unit.kind}">{text}</span>' if unit.kind else text)
    return "".join(told)


def _key(of: Curve | Mark) -> str:
    return (
        f'<li><i class="{of.kind}"></i><span><b>{html.escape(of.name)}</b> {of.meaning}</span></li>'
    )


def _line(curve: Curve, frame: _Frame) -> str:
    at = [frame.place(point.step, point.mean) for point in curve.points]
    places = " ".join(map(",".join, at))
    line = f'<polyline class="{curve.kind}" points="{places}"/>'
    if len(at) > 1 and not (curve.has_dots and len(at) <= MOST_DOTS):
        return line
    dots = "".join(f"M{left} {top}h0" for left, top in at)
    return f'{line}<path class="dots {curve.kind}" d="{dots}"/>'


def _band(curve: Curve, frame: _Frame) -> str:
    """Return the area from the least to the most; empty where there is one figure each."""
    if all(point.low == point.high for point in curve.points):
        return ""
    edge = [(point.step, point.high) for point in curve.points]
    edge += [(point.step, point.low) for point in reversed(curve.points)]
    places = " ".join(",".join(frame.place(*each)) for each in edge)
    return f'<polygon class="{curve.kind}" points="{places}"/>'


def _mark(mark: Mark, frame: _Frame) -> str:
    _, top = frame.place(frame.steps[0], mark.figure)
    return f'<line class="{mark.kind}" x1="0" x2="{WIDTH}" y1="{top}" y2="{top}"/>'


def _grid(frame: _Frame) -> str:
    tops = [frame.place(frame.steps[0], figure)[1] for figure in frame.ticks]
    return "".join(
        f'<line class="grid" x1="0" x2="{WIDTH}" y1="{top}" y2="{top}"/>' for top in tops
    )


def _figures(frame: _Frame, units: Sequence[Unit]) -> str:
    figures = (in_units(figure, units, has_names=False) for figure in reversed(frame.ticks))
    return f'<div class="figures">{"".join(f"<span>{each}</span>" for each in figures)}</div>'


def _steps(frame: _Frame) -> str:
    first, last = math.floor(frame.steps[0]), math.ceil(frame.steps[1])
    shown = [first, (first + last) // 2, last] if last - first > 1 else [first, last]
    told = [f"step {shown[0]:,}", *(f"{step:,}" for step in shown[1:])]
    return f'<div class="steps">{"".join(f"<span>{each}</span>" for each in told)}</div>'


def _step_range(steps: Sequence[float]) -> tuple[float, float]:
    """Return where the drawing begins and ends: at zero, if that is not far from the first."""
    low, high = min(steps), max(steps)
    if low <= NEAR_ZERO * high:
        low = 0.0
    return (low, high) if high > low else (low, low + 1)
