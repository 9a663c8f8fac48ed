"""Guessing goes on where it pays, and costs hardly anything where it doesn't."""

import pytest

from lumina_cli.core.inference.speculative.policy import SpeculationPolicy

from .clocked import Clock, run_policy


def test_where_guessing_pays_it_goes_on() -> None:
    seconds, speculator = run_policy(wide_s=1.5, ids_per_draft=3, num_ids=3_000)
    assert seconds < 3_000 * 1.5 / 3 * 1.02
    assert speculator.acceptance.ids_per_pass == pytest.approx(3, abs=0.1)
    assert speculator.acceptance.rate == pytest.approx(2 / 7, abs=0.02)


def test_where_every_guess_is_wrong_it_is_tried_seldom() -> None:
    seconds, _ = run_policy(wide_s=1.5, ids_per_draft=1, num_ids=2_000)
    assert 2_000 < seconds < 2_000 * 1.03


def test_where_draft_tokens_are_right_too_seldom_they_cost_hardly_anything() -> None:
    seconds, speculator = run_policy(wide_s=2.4, ids_per_draft=2, num_ids=20_000)
    assert 20_000 < seconds < 20_000 * 1.02
    assert speculator.acceptance.num_draft_tokens > 3 * 7  # it is tried again after a while


def test_a_text_that_can_be_guessed_later_is_guessed_soon() -> None:
    seconds, speculator = run_policy(
        wide_s=1.5, ids_per_draft=lambda position: 1 if position < 500 else 5, num_ids=1_000
    )
    assert seconds < 500 + 64 + 500 * 1.5 / 5 * 1.05
    assert speculator.acceptance.num_draft_tokens > 0


def test_a_new_text_is_tried_soon_however_the_last_one_was() -> None:
    clock = Clock()
    policy = SpeculationPolicy(clock=clock)
    for _ in range(500):
        policy.start()
        clock.now_s += 2.0 if policy.is_speculating() else 1.0
        policy.stop(num_chosen=1, num_draft_tokens=7 if policy.is_speculating() else 0)
    policy.begin()
    num_alone = 0
    while not policy.is_speculating():
        policy.start()
        clock.now_s += 1.0
        policy.stop(num_chosen=1, num_draft_tokens=0)
        num_alone += 1
    assert num_alone <= 3


@pytest.mark.parametrize("held_up", range(3))
def test_a_pass_that_was_held_up_does_not_decide(held_up: int) -> None:
    seconds, _ = run_policy(
        wide_s=2.4,
        ids_per_draft=2,
        num_ids=20_000,
        alone_s=lambda number: 100.0 if number == held_up else 1.0,
    )
    assert seconds < 100 + 20_000 * 1.02


@pytest.mark.parametrize("held_up", range(3, 6))
def test_nor_does_a_pass_with_draft_tokens_that_was_held_up(held_up: int) -> None:
    seconds, _ = run_policy(
        wide_s=lambda number: 100.0 if number == held_up else 1.5, ids_per_draft=3, num_ids=3_000
    )
    assert seconds < 100 + 3_000 * 1.5 / 3 * 1.02


def test_a_context_that_moves_on_does_not_make_guessing_pay() -> None:
    """Every 250th pass reads half a context anew."""
    seconds, speculator = run_policy(
        wide_s=2.4,
        ids_per_draft=2,
        num_ids=20_000,
        alone_s=lambda number: 1.0 if number % 250 else 30.0,
    )
    assert seconds < 20_000 * 1.02 + 30 * 20_000 / 250
    assert speculator.acceptance.num_draft_tokens < 20_000 * 7 * 0.05


def test_a_machine_that_was_busy_at_first_is_timed_again() -> None:
    """Guessing seemed to pay; it is found out not to within a few hundred characters."""
    seconds, _ = run_policy(
        wide_s=2.4,
        ids_per_draft=2,
        num_ids=20_000,
        alone_s=lambda number: 3.0 if number < 20 else 1.0,
    )
    assert seconds < 20_000 * 1.03


def test_first_passes_that_were_slow_are_outvoted_soon() -> None:
    """Guessing seems to pay, three passes long; without them it would not."""
    seconds, _ = run_policy(
        wide_s=3.0, ids_per_draft=2, num_ids=600, alone_s=lambda number: 3.0 if number < 3 else 1.0
    )
    assert seconds < 600 * 1.1


def test_guessing_that_seemed_slow_on_a_busy_machine_is_tried_again() -> None:
    seconds, _ = run_policy(
        wide_s=lambda number: 9.0 if number < 20 else 1.5, ids_per_draft=3, num_ids=3_000
    )
    assert seconds < 3 * 9 + 64 + 3_000 * 1.5 / 3 * 1.05


def test_a_clock_that_stands_still_does_no_harm() -> None:
    seconds, speculator = run_policy(
        wide_s=0.0, ids_per_draft=5, num_ids=1_000, alone_s=lambda number: 0.0
    )
    assert seconds == 0
    assert speculator.acceptance.num_chosen == 1_000
