"""The simulator, against what is counted by hand."""

from typing import Any

import pytest

from lumina_cli.core.training.parallel import scaling
from lumina_cli.core.training.parallel.scaling import Link, Network, StepTimes


def step_s(
    times: StepTimes, stretches: list[float], *, shares: bool = False, **group: Any
) -> float:
    return scaling.step_s(times, stretches, shares_update=shares, **group)


SLOW = Network(per_node=2, inside=Link(0.0, 1.0), between=Link(0.0, 0.5))
TIMES = StepTimes(forward_s=4.0, backward_s=8.0, update_s=0.0)


def test_one_process_sends_nothing() -> None:
    assert SLOW.all_reduce_s(100.0, world_size=1) == 0.0
    assert step_s(TIMES, [1.0, 1.0], world_size=1, network=SLOW) == 12.0
    assert step_s(TIMES, [1.0], world_size=1, network=SLOW, shares=True) == 12.0


def test_each_of_two_sends_the_bytes_once() -> None:
    assert SLOW.all_reduce_s(3.0, world_size=2) == 3.0


def test_nodes_share_what_leads_out_of_them() -> None:
    # 2 · 1/2 of three bytes within a node, and 2 · 1/2 of them between two at half the speed
    assert SLOW.all_reduce_s(3.0, world_size=4) == 3.0 + 6.0


def test_a_hop_costs_its_latency() -> None:
    network = Network(per_node=4, inside=Link(0.5, 1e30), between=Link(2.0, 1e30))
    assert network.all_reduce_s(1.0, world_size=4) == pytest.approx(2 * 3 * 0.5)
    assert network.all_reduce_s(1.0, world_size=16) == pytest.approx(2 * 3 * 0.5 + 2 * 2 * 2.0)


def test_what_is_sent_while_the_backward_pass_goes_on_costs_nothing() -> None:
    # forward 0-2, backward 2-4 and 4-6; sent 4-5 and 6-7: one second is waited for
    assert step_s(TIMES, [1.0, 1.0], world_size=2, network=SLOW) == 7.0


def test_a_network_that_is_slower_than_the_backward_pass_is_waited_for() -> None:
    # the first is sent from 4 to 9, the second from there to 14
    assert step_s(TIMES, [5.0, 5.0], world_size=2, network=SLOW) == 14.0


def test_an_update_is_divided_only_where_each_sends_its_part_of_the_weights() -> None:
    times = StepTimes(forward_s=4.0, backward_s=8.0, update_s=3.0)
    fast = Network(per_node=8, inside=Link(0.0, 1e30), between=Link(0.0, 1e30))
    assert step_s(times, [1.0], world_size=4, network=fast) == pytest.approx(3 + 3)
    slow = Network(per_node=8, inside=Link(0.0, 3.0), between=Link(0.0, 1.0))
    # each sends 2 · 3/4 of four bytes for the sum, and 3/4 of them for the weights: 2 s and 1 s
    shared_s = step_s(times, [4.0], world_size=4, network=slow, shares=True)
    assert shared_s == pytest.approx(3 + 2 + 3 / 4 + 1)
