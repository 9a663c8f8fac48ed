"""Curves as drawings."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence

import pytest

from lumina_cli.recipes.run.report_page.charts import Curve, Point, chart, number


def curve(points: Sequence[tuple[float, float]], name: str = "c") -> Curve:
    return Curve(name, "#000", [Point(step, mean, mean, mean) for step, mean in points])


def test_a_curve_goes_from_corner_to_corner() -> None:
    svg = chart("t", [curve([(0.0, 0.0), (10.0, 1.0)])])
    assert 'points="48.0,196.0 630.0,26.0"' in svg


def test_where_there_is_nothing_to_draw_there_is_no_drawing() -> None:
    assert chart("t", [curve([])]) == ""
    assert chart("t", []) == ""


@pytest.mark.parametrize("figure", [0.0, 1.0, -3.0, 1e99])
def test_a_single_point_is_drawn_in_the_middle(figure: float) -> None:
    assert 'points="339.0,111.0"' in chart("t", [curve([(5.0, figure)])])


def test_a_spike_between_the_means_is_inside_the_drawing() -> None:
    svg = chart("t", [Curve("c", "#000", [Point(0, 1, 1, 1), Point(10, 2, 0, 4)])])
    assert '<polygon fill="#000"' in svg
    # From the top of both points back along their bottoms: 4 is the upper edge, 0 the lower.
    assert 'points="48.0,153.5 630.0,26.0 630.0,196.0 48.0,153.5"' in svg
    assert 'points="48.0,153.5 630.0,111.0"' in svg


def test_without_a_spread_there_is_no_band() -> None:
    assert "<polygon" not in chart("t", [curve([(0.0, 0.0), (10.0, 1.0)])])


def test_names_are_text_and_nothing_else() -> None:
    svg = chart("<b> & c", [curve([(0.0, 0.0), (1.0, 1.0)], name="<script>")])
    assert "<script>" not in svg
    root = ET.fromstring(svg)
    assert root.findtext("h2") == "<b> & c"
    assert [title.text for title in root.iter("title")] == ["<script>"]


def test_numbers_are_those_a_person_reads() -> None:
    svg = chart("t", [curve([(0.0, 0.0), (1_500.0, 88_412.0)])])
    assert ">88,412<" in svg
    assert ">1,500<" in svg
    small = chart("t", [curve([(0.0, 0.0003), (1.0, 0.0015)])])
    assert ">0.0015<" in small
    assert number(1e90) == "1e+90"
