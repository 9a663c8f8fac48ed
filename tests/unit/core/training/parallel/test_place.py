"""Where a process stands, as launchers tell it."""

import pytest

from lumina_cli.core.training.parallel.place import find_place

TORCHRUN = {
    "RANK": "5",
    "WORLD_SIZE": "8",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "4",
    "GROUP_RANK": "1",
    "MASTER_ADDR": "node-0",
    "MASTER_PORT": "29500",
    "TORCHELASTIC_RUN_ID": "run",
    "TORCHELASTIC_RESTART_COUNT": "2",
    "TORCHELASTIC_USE_AGENT_STORE": "True",
}
PLAIN = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4", "MASTER_PORT": "1"}


def test_what_torchrun_tells() -> None:
    place = find_place(TORCHRUN)
    assert place is not None
    assert (place.index, place.world_size, place.local_rank, place.machine) == (5, 8, 1, 1)
    assert (place.address, place.port) == ("node-0", 29500)
    assert (place.run_id, place.restart, place.has_agent) == ("run", 2, True)
    assert not place.is_first


def test_a_process_knows_its_machine_by_its_number() -> None:
    place = find_place(PLAIN)
    assert place is not None
    assert (place.machine, place.has_agent, place.restart) == (1, False, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"RANK": ""},
        {"RANK": "8"},
        {"WORLD_SIZE": "1", "RANK": "0"},
        {"MASTER_PORT": "none"},
        {"LOCAL_WORLD_SIZE": "0"},
    ],
)
def test_what_makes_no_sense_or_one_process_is_a_process_alone(changes: dict[str, str]) -> None:
    assert find_place({}) is None
    assert find_place({**PLAIN, **changes}) is None


def test_one_process_under_a_launcher_that_watches_has_a_place() -> None:
    assert find_place({**TORCHRUN, "RANK": "0", "WORLD_SIZE": "1"}) is not None
