"""Numbers as people write them."""

import pytest

from lumina_cli.setting_sources.number_meant import number_meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1h", "60"),
        ("10 min", "10"),
        ("1,5h", "90"),
        ("90s", "1.5"),
        ("2 days", "2880"),
        ("an hour", ""),
        ("1h30", ""),
    ],
)
def test_a_time_is_meant_in_minutes(text: str, meant: str) -> None:
    assert number_meant(text, is_whole=False, is_minutes=True) == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("10%", "0.1"),
        ("150%", ""),
        ("0,5", "0.5"),
        ("3e-4x", ""),
        ("1.2.3", ""),
        ("ten", ""),
        ("1e999", ""),
    ],
)
def test_a_share_is_meant_as_a_fraction(text: str, meant: str) -> None:
    assert number_meant(text, is_whole=False, is_minutes=False) == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1e3", "1000"),
        ("10k", "10000"),
        ("1,000", "1000"),
        ("4.0", "4"),
        ("1.5", ""),
        ("1M", "1000000"),
    ],
)
def test_a_count_is_meant_whole(text: str, meant: str) -> None:
    assert number_meant(text, is_whole=True, is_minutes=False) == meant
