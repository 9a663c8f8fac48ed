"""The counts, worked out by hand."""

import pytest

from lumina_cli.server.metrics import Histogram, Metrics


def test_a_histogram_counts_up_to_each_bound() -> None:
    histogram = Histogram([1.0, 2.0])
    for seconds in (0.5, 1.0, 1.5, 7.0):
        histogram.observe(seconds)
    assert list(histogram.lines("x")) == [
        'x_bucket{le="1.0"} 2',
        'x_bucket{le="2.0"} 3',
        'x_bucket{le="+Inf"} 4',
        "x_sum 10.000000",
        "x_count 4",
    ]


def test_requests_are_counted_by_route_and_status() -> None:
    metrics = Metrics()
    for status in (200, 200, 400):
        metrics.count_request("/health", status, seconds=0.01)
    metrics.count_ids(prompt=3, output=5)
    lines = metrics.text(num_running=2, num_waiting=1).splitlines()
    for line in (
        'lumina_requests_total{route="/health",status="200"} 2',
        'lumina_requests_total{route="/health",status="400"} 1',
        "lumina_prompt_tokens_total 3",
        "lumina_generated_tokens_total 5",
        "lumina_texts_running 2",
        "lumina_texts_waiting 1",
        "lumina_request_seconds_count 3",
    ):
        assert line in lines


@pytest.mark.parametrize("name", ["requests_total", "texts_running", "request_seconds"])
def test_each_metric_says_what_it_is(name: str) -> None:
    lines = Metrics().text(num_running=0, num_waiting=0).splitlines()
    for what in ("HELP", "TYPE"):
        assert [line for line in lines if line.startswith(f"# {what} lumina_{name} ")]
