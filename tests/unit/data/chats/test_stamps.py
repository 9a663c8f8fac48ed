"""Dates and times as chat programs write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.data.chats.stamps import Clock, Stamp, iso_seconds, parse_stamp


@pytest.mark.parametrize(
    "text", ["25:00, 1/1/21", "1/1/21 10:61", "10:30", "1/1/21", "", "hello", "1/40/21 10:00"]
)
def test_what_is_no_date_with_a_time_is_none(text: str) -> None:
    assert parse_stamp(text) is None


def test_months_have_names_in_many_languages() -> None:
    names = ["Jan", "January", "ene", "янв", "Januar", "jan."]
    stamps = [parse_stamp(f"23 {name} 2021, 10:00") for name in names]
    assert [stamp.date for stamp in stamps if stamp] == [(23, 1, 2021)] * len(names)
    summer = [parse_stamp(f"23 {name} 2021, 10:00") for name in ("juin", "juil", "août")]
    assert [stamp.date[1] for stamp in summer if stamp] == [6, 7, 8]


def test_midnight_and_noon_of_twelve_hours() -> None:
    texts = ["1/23/21, 12:05 AM", "1/23/21, 11:00 AM", "1/23/21, 12:05 PM", "1/23/21, 11:00 PM"]
    stamps = [stamp for text in texts if (stamp := parse_stamp(text))]
    clock = Clock.learn(stamps)
    first, *rest = [clock.seconds(stamp) or 0.0 for stamp in stamps]
    assert [round((time - first) / 60) for time in rest] == [655, 720, 1375]


def test_a_day_of_no_calendar_has_no_time() -> None:
    assert Clock().seconds(Stamp((31, 2, 2021), (10, 0, 0), "", ".")) is None


@pytest.mark.parametrize("value", [None, 7, "", "2021", "2021-13-01T10:00", "9999-99-99T99:99:99"])
def test_an_iso_date_that_is_none_has_no_time(value: object) -> None:
    assert iso_seconds(value) is None


@given(st.text(alphabet="0123456789./-:, APMh年月日٣٤TZ\u202f\u200e", max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    stamp = parse_stamp(text)
    if stamp:
        Clock.learn([stamp, stamp]).seconds(stamp)
