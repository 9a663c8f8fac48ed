"""Numbers as people read them."""

import pytest

from lumina_cli.cli.formatting import counted, format_bytes, format_count, format_duration


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (1234, "1,234"),
        (999_999, "999,999"),
        (1_000_000, "1.00 M"),
        (1_115_394, "1.12 M"),
        (19_017_728, "19.0 M"),
        (1_234_567_890, "1,234.6 M"),
    ],
)
def test_counts(number: int, shown: str) -> None:
    assert format_count(number) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0 kB"),
        (1_500, "2 kB"),
        (999_499, "999 kB"),
        (12_000_000, "12 MB"),
        (1_200_000_000, "1.2 GB"),
        (139_586_437_120, "139.6 GB"),
    ],
)
def test_bytes(number: int, shown: str) -> None:
    assert format_bytes(number) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-3, "0:00"),
        (0.4, "0:00"),
        (42, "0:42"),
        (59.6, "1:00"),
        (725, "12:05"),
        (3_599.6, "1:00:00"),
        (11_220, "3:07:00"),
        (86_399, "23:59:59"),
        (2 * 86_400 + 3 * 3_600 + 59, "2 d 3 h"),
    ],
)
def test_durations(seconds: float, shown: str) -> None:
    assert format_duration(seconds) == shown


def test_one_is_no_plural() -> None:
    assert [counted(number, "text") for number in (0, 1, 2_000)] == [
        "0 texts",
        "1 text",
        "2,000 texts",
    ]
