"""Curves as drawings."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence

import pytest

from lumina_cli.recipes.run.report_page.charts import (
    Curve,
    Mark,
    Point,
    Unit,
    chart,
    in_units,
    number,
    ticks_from_zero,
)

PLAIN = [Unit("")]


def curve(points: Sequence[tuple[float, float]], name: str = "c") -> Curve:
    return Curve(name, "training", [Point(step, mean, mean, mean) for step, mean in points])


def drawn(*curves: Curve) -> str:
    return chart("t", curves, units=PLAIN)


def test_a_curve_goes_from_corner_to_corner() -> None:
    assert 'points="0.0,240.0 600.0,0.0"' in drawn(curve([(0.0, 0.0), (10.0, 1.0)]))


def test_where_there_is_nothing_to_draw_there_is_no_drawing() -> None:
    assert drawn(curve([])) == ""
    assert drawn() == ""


@pytest.mark.parametrize("figure", [0.0, 1.0, -3.0, 1e99, 1e-300])
def test_a_single_point_is_a_dot(figure: float) -> None:
    svg = drawn(curve([(5.0, figure)]))
    assert svg.count("h0") == 1
    assert "dots" in svg


def test_figures_are_measured_from_zero_in_round_ones() -> None:
    assert ticks_from_zero([364e6 * 1e-6, 512.0]) == [0, 200, 400, 600]
    assert ticks_from_zero([8.4]) == [0, 2.5, 5, 7.5, 10]
    assert ticks_from_zero([0.0015]) == pytest.approx([0, 0.0005, 0.001, 0.0015])
    assert ticks_from_zero([-3.0]) == [-3, -2, -1, 0]
    assert ticks_from_zero([0.0]) == [0, 0.25, 0.5, 0.75, 1]


def test_a_spike_between_the_means_is_inside_the_drawing() -> None:
    svg = drawn(Curve("c", "training", [Point(0, 1, 1, 1), Point(10, 2, 0, 4)]))
    # From the top of both points back along their bottoms: 4 is the upper edge, 0 the lower.
    assert '<polygon class="training" points="0.0,180.0 600.0,0.0 600.0,240.0 0.0,180.0"' in svg
    assert 'points="0.0,180.0 600.0,120.0"' in svg


def test_without_a_spread_there_is_no_band() -> None:
    assert "<polygon" not in drawn(curve([(0.0, 0.0), (10.0, 1.0)]))


def test_a_mark_lies_inside_the_drawing_though_no_curve_reaches_it() -> None:
    mark = Mark("guessing", "guessing", 8.0, "is far above.")
    svg = chart("t", [curve([(0.0, 1.0), (1.0, 2.0)])], units=PLAIN, marks=[mark])
    assert '<line class="guessing" x1="0" x2="600" y1="0.0" y2="0.0"/>' in svg
    assert "<b>guessing</b> is far above." in svg


def test_names_are_text_and_nothing_else() -> None:
    svg = chart("<b> & c", [curve([(0.0, 0.0), (1.0, 1.0)], name="<script>")], units=PLAIN)
    assert "<script>" not in svg
    root = ET.fromstring(f"<section>{svg}</section>")
    drawing = root.find("div/svg")
    assert drawing is not None
    assert drawing.get("aria-label") == "<b> & c"
    assert [name.text for name in root.iter("b")] == ["<script>"]


def test_no_number_is_inside_the_drawing_where_its_edge_could_cut_it_off() -> None:
    svg = drawn(curve([(0.0, 0.0), (1_000_000.0, 88_412.0)]))
    assert "<text" not in svg
    assert ">100,000<" in svg
    assert ">1,000,000<" in svg


def test_measurements_are_dots_and_many_of_them_a_line() -> None:
    few = Curve("c", "k", [Point(step, 1, 1, 1) for step in range(10)], has_dots=True)
    many = Curve("c", "k", [Point(step, 1, 1, 1) for step in range(100)], has_dots=True)
    assert drawn(few).count("h0") == 10
    assert drawn(many).count("h0") == 0


def test_numbers_are_those_a_person_reads() -> None:
    told = [number(value) for value in (0.0, 4.0, 0.0015, 3e-5, 88_412.0, 1e90)]
    assert told == ["0", "4", "0.0015", "0.00003", "88,412", "1e+90"]


def test_a_figure_is_told_in_each_unit() -> None:
    units = [Unit("m", 1.0, "metres"), Unit("cm", 100.0, "centimetres")]
    expected = '<span class="metres">2 m</span><span class="centimetres">200 cm</span>'
    assert in_units(2.0, units) == expected
    assert in_units(2.0, [Unit("MB")]) == "2 MB"
