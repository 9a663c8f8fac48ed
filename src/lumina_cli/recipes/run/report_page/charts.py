"""Curves over steps as drawings (SVG) that need nothing else."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

WIDTH, HEIGHT, MARGIN = 640, 220, 48


class Point(NamedTuple):
    """A figure about a step: its mean, and the least and the most that it was there."""

    step: float
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Curve:
    """A line in a chart, and a band around it from the least to the most."""

    name: str
    colour: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class _Frame:
    """The steps and figures that a chart reaches from and to."""

    steps: tuple[float, float]
    figures: tuple[float, float]

    def place(self, step: float, figure: float) -> tuple[str, str]:
        """Return how far from the left and from the top that is drawn."""
        across = (step - self.steps[0]) / (self.steps[1] - self.steps[0])
        up = (figure - self.figures[0]) / (self.figures[1] - self.figures[0])
        left = MARGIN + across * (WIDTH - MARGIN - 10)
        top = HEIGHT - 24 - up * (HEIGHT - 50)
        return f"{left:.1f}", f"{top:.1f}"


def chart(title: str, curves: Sequence[Curve]) -> str:
    """Return curves over steps as an SVG; empty where there is nothing to draw."""
    curves = [curve for curve in curves if curve.points]
    if not curves:
        return ""
    points = [point for curve in curves for point in curve.points]
    frame = _Frame(
        _range([point.step for point in points]),
        _range([figure for point in points for figure in (point.low, point.high)]),
    )
    drawn = "".join([_axes(frame), *(_band(c, frame) + _line(c, frame) for c in curves)])
    keys = "".join(
        f'<tspan fill="{curve.colour}" dx="12">{html.escape(curve.name)}</tspan>'
        for curve in curves
    )
    return (
        f'<section><h2>{html.escape(title)}</h2><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{html.escape(title)}">{drawn}'
        f'<text x="{MARGIN}" y="14">{keys}</text></svg></section>'
    )


def number(value: float) -> str:
    """Return a number as a person reads it: no exponents for what is merely large."""
    return f"{value:,.0f}" if 1_000 <= abs(value) < 1e15 else f"{value:.3g}"


def _line(curve: Curve, frame: _Frame) -> str:
    places = " ".join(",".join(frame.place(p.step, p.mean)) for p in curve.points)
    return (
        f'<polyline fill="none" stroke="{curve.colour}" stroke-width="1.5" points="{places}">'
        f"<title>{html.escape(curve.name)}</title></polyline>"
    )


def _band(curve: Curve, frame: _Frame) -> str:
    """Return the area from the least to the most; empty where there is one figure each."""
    if all(point.low == point.high for point in curve.points):
        return ""
    edge = [(point.step, point.high) for point in curve.points]
    edge += [(point.step, point.low) for point in reversed(curve.points)]
    places = " ".join(",".join(frame.place(*each)) for each in edge)
    return (
        f'<polygon fill="{curve.colour}" fill-opacity="0.25" stroke="{curve.colour}" '
        f'stroke-opacity="0.25" stroke-width="1" points="{places}"/>'
    )


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = max(abs(low), 1.0) / 2
    return (low, high) if high > low else (low - room, high + room)


def _axes(frame: _Frame) -> str:
    marks = []
    for share in (0.0, 0.5, 1.0):
        step, figure = (a + share * (b - a) for a, b in (frame.steps, frame.figures))
        left, top = frame.place(step, figure)
        marks.append(
            f'<line x1="{MARGIN}" x2="{WIDTH - 10}" y1="{top}" y2="{top}"/>'
            f'<text x="{MARGIN - 4}" y="{top}" text-anchor="end" dy="4">{number(figure)}</text>'
            f'<text x="{left}" y="{HEIGHT - 6}" text-anchor="middle">{step:,.0f}</text>'
        )
    return "".join(marks)
