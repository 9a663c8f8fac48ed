"""What control groups leave of the memory, in trees of both versions made up here."""

from pathlib import Path

import pytest

from lumina_cli.core import memory
from lumina_cli.io import cgroup
from lumina_cli.io.cgroup import available_bytes

V2 = {"limit": "memory.max", "usage": "memory.current"}
V1 = {"limit": "memory.limit_in_bytes", "usage": "memory.usage_in_bytes"}
NO_LIMIT = 9223372036854771712
"""How version 1 says it."""


class Tree:
    """A tree of groups, and the file that says in which of them a process is."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "sys"
        self.membership = folder / "cgroup"
        self.root.mkdir()

    def group(self, path: str, names: dict[str, str], *, stat: str = "", **values: object) -> None:
        group = self.root / path
        group.mkdir(parents=True, exist_ok=True)
        for name, value in values.items():
            (group / names.get(name, f"memory.{name}")).write_text(f"{value}\n")
        if stat:
            (group / "memory.stat").write_text(stat)

    def available(self, membership: str) -> int | None:
        self.membership.write_text(membership)
        return available_bytes(membership=self.membership, root=self.root)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_neighbours_in_the_group_count(tree: Tree) -> None:
    tree.group("job", V2, limit=1000, usage=700)  # much of it by other processes
    assert tree.available("0::/job\n") == 300


def test_the_tightest_of_all_groups_above_holds(tree: Tree) -> None:
    tree.group("", V2)  # the root has no limit
    tree.group("slice", V2, limit=1000, usage=900)
    tree.group("slice/job", V2, limit=800, usage=100)
    tree.group("slice/job/step", V2, limit="max", usage=50)
    tree.group("slice/other", V2, limit=10, usage=10)
    assert tree.available("0::/slice/job/step\n") == 100


def test_what_was_read_from_files_is_given_back_when_memory_is_short(tree: Tree) -> None:
    stat = "anon 100\nfile 700\ninactive_file 600\nactive_file 100\n"
    tree.group("job", V2, limit=1000, usage=900, stat=stat)
    assert tree.available("0::/job\n") == 700


def test_from_memory_high_on_all_is_slow_so_it_is_a_limit_too(tree: Tree) -> None:
    tree.group("job", V2, limit="max", high=500, usage=200)
    assert tree.available("0::/job\n") == 300


def test_a_group_that_is_over_its_limit_has_nothing_left(tree: Tree) -> None:
    tree.group("job", V2, limit=1000, high=500, usage=600)
    assert tree.available("0::/job\n") == 0


def test_without_a_limit_nothing_is_said(tree: Tree) -> None:
    tree.group("job", V2, limit="max", high="max", usage=600)
    assert tree.available("0::/job\n") is None
    assert tree.available("") is None
    assert available_bytes(membership=tree.root / "missing", root=tree.root) is None


def test_version_1_is_understood(tree: Tree) -> None:
    stat = "inactive_file 1\ntotal_inactive_file 300\n"
    tree.group("memory", V1, limit=NO_LIMIT, usage=5000)
    tree.group("memory/docker", V1, limit=2000, usage=1500, stat=stat)
    tree.group("memory/docker/job", V1, limit=1000, usage=100)
    lines = "12:cpu,cpuacct:/elsewhere\n5:memory:/docker/job\n1:name=systemd:/docker/job\n"
    assert tree.available(lines) == 800


def test_beside_version_1_the_other_is_read_as_well(tree: Tree) -> None:
    tree.group("memory/job", V1, limit=1000, usage=100)
    tree.group("unified/job", V2)  # without figures: memory belongs to version 1
    assert tree.available("5:memory:/job\n0::/job\n") == 900
    tree.group("unified/job", V2, limit=500, usage=100)
    assert tree.available("5:memory:/job\n0::/job\n") == 400


@pytest.mark.parametrize("path", ["/", "/../..", "/docker/0123", "/../sibling"])
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_in_a_container_the_mount_begins_at_its_own_group(
    tree: Tree, version: str, path: str
) -> None:
    where, names = ("memory", V1) if version == "v1" else ("", V2)
    tree.group(where, names, limit=1000, usage=400)
    assert tree.available(f"4:memory:{path}\n" if version == "v1" else f"0::{path}\n") == 600


def test_groups_that_a_container_makes_are_found_below_its_own(tree: Tree) -> None:
    tree.group("", V2, limit=1000, usage=400)
    tree.group("inner", V2, limit=300, usage=100)
    assert tree.available("0::/kubepods/pod7/0123/inner\n") == 200


def test_available_memory_is_what_the_groups_leave(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.group("job", V2, limit=1000, usage=700)
    tree.membership.write_text("0::/job\n")
    monkeypatch.setattr(cgroup, "MEMBERSHIP", tree.membership)
    monkeypatch.setattr(cgroup, "ROOT", tree.root)
    assert memory.available_memory_bytes(memory.torch.device("cpu")) == 300
