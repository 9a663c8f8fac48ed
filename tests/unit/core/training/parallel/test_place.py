"""Where a process stands, as launchers tell it."""

import socket
import uuid

import pytest

from lumina_cli.core.training.parallel.place import find_place, name_machine

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
    assert (place.index, place.world_size, place.local_rank) == (5, 8, 1)
    assert (place.address, place.port) == ("node-0", 29500)
    assert (place.run_id, place.restart, place.has_agent) == ("run", 2, True)
    assert not place.is_first


@pytest.mark.parametrize("told", ["LOCAL_WORLD_SIZE", "nothing of the machine"])
def test_a_process_knows_its_machine_whatever_it_is_told(told: str) -> None:
    plain = {name: value for name, value in PLAIN.items() if name == told or "LOCAL" not in name}
    place = find_place(plain)
    assert place is not None
    assert (place.machine, place.has_agent, place.restart) == (name_machine(), False, 0)
    assert place.machine.startswith(f"{socket.gethostname()}/")
    assert len(place.machine.split()) == 1
    assert place.local_rank == (1 if told == "LOCAL_WORLD_SIZE" else 5)


def test_processes_of_a_machine_without_a_network_card_know_that_they_share_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = iter([0x71805A4814CF, 0x83A88C5B0ED1])  # by two processes that had loopback alone
    monkeypatch.setattr(uuid, "getnode", lambda: next(drawn))
    assert name_machine() == name_machine()


def test_a_network_card_tells_machines_of_one_image_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    cards = iter([0x0242AC110002, 0x0242AC110003])
    monkeypatch.setattr(uuid, "getnode", lambda: next(cards))
    assert name_machine() != name_machine()


@pytest.mark.parametrize(
    "changes",
    [
        {"RANK": ""},
        {"RANK": "8"},
        {"WORLD_SIZE": "1", "RANK": "0"},
        {"MASTER_PORT": "none"},
        {"MASTER_PORT": "0"},
        {"MASTER_PORT": "-1"},
        {"MASTER_PORT": "65536"},
        {"MASTER_PORT": "9" * 5_000},
        {"LOCAL_WORLD_SIZE": "0"},
        {"LOCAL_WORLD_SIZE": "0", "LOCAL_RANK": "0", "GROUP_RANK": "0"},
        {"LOCAL_WORLD_SIZE": "-4"},
        {"LOCAL_WORLD_SIZE": "9"},
        {"LOCAL_RANK": "-1"},
        {"LOCAL_RANK": "4"},
        {"RANK": "-1"},
        {"WORLD_SIZE": str(10**12)},
        {"MASTER_ADDR": "x" * 256},
        {"MASTER_ADDR": "a\x1b[2Jb"},
        {"MASTER_ADDR": "\udce9"},
        {"TORCHELASTIC_RUN_ID": "\udce9"},
        {"TORCHELASTIC_RESTART_COUNT": "x"},
    ],
)
def test_what_can_not_be_or_one_process_is_a_process_alone(changes: dict[str, str]) -> None:
    assert find_place({}) is None
    assert find_place({**PLAIN, **changes}) is None


def test_one_process_under_a_launcher_that_watches_has_a_place() -> None:
    alone = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
    assert find_place({**TORCHRUN, **alone}) is not None
