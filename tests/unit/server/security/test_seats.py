"""The seats of a class: given, kept, and no more of them than a class needs."""

import pytest

pytest.importorskip("starlette", reason="the extra [serve] is not installed")

from lumina_cli.server.security.seats import IDLE_S, MAX_SEATS, Seats


def test_who_has_a_seat_keeps_it_and_a_token_that_was_made_up_is_none() -> None:
    seats = Seats()
    first, second = seats.take(), seats.take()
    assert first and second and first != second  # noqa: PT018
    assert seats.use(first)
    assert not seats.use("made-up")
    assert not seats.use("")


def test_whoever_asks_for_one_after_another_soon_gets_no_more() -> None:
    seats = Seats()
    assert len({seats.take() for _ in range(MAX_SEATS)} - {None}) == MAX_SEATS
    assert seats.take() is None


def test_a_seat_is_free_again_when_nobody_has_used_it_for_long() -> None:
    now_s = [0.0]
    seats = Seats(clock=lambda: now_s[0])
    first, second, *_ = [str(seats.take()) for _ in range(MAX_SEATS)]
    now_s[0] = IDLE_S - 1
    assert seats.use(first)
    assert seats.take() is None
    now_s[0] = IDLE_S
    assert seats.take()
    assert seats.use(first)
    assert not seats.use(second)
