"""The folder of checkpoints through crashes, full disks, power cuts and damage."""

import errno
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from lumina_cli.core.checkpoint.model_file import Checkpoint, load_checkpoint, save_checkpoint
from lumina_cli.core.checkpoint.store import CheckpointStore
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import build_model
from lumina_cli.errors import (
    LuminaError,
    MissingInputError,
    ModelFileError,
    NotFiniteError,
    StorageError,
)
from lumina_cli.tokenizer.characters import CharacterTokenizer

TOKENIZER = CharacterTokenizer("abc")
CONFIG = ModelConfig(hidden_size=8, num_layers=1, num_heads=1, seq_length=8)


def a_checkpoint(step: int) -> Checkpoint:
    generator = torch.Generator().manual_seed(step)
    model = build_model(CONFIG, vocab_size=TOKENIZER.vocab_size, generator=generator)
    tensors = {f"model/{name}": tensor for name, tensor in model.state_dict().items()}
    tensors["random/cpu"] = torch.arange(200, dtype=torch.uint8)
    return Checkpoint(CONFIG, TOKENIZER, {"settings": {}}, {"num_steps": step}, tensors)


def save(store: CheckpointStore, step: int, *, best_step: int | None = None) -> None:
    store.save(a_checkpoint(step), step=step, best_step=best_step)


def newest_step(folder: Path) -> int:
    step = CheckpointStore(folder).newest().checkpoint.state["num_steps"]
    assert isinstance(step, int)
    return step


def test_what_is_saved_comes_back_to_the_bit(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path / "checkpoints")
    save(store, 7)
    found = store.newest().checkpoint
    expected = a_checkpoint(7)
    assert (found.model, found.tokenizer) == (CONFIG, TOKENIZER)
    assert (found.metadata, found.state) == ({"settings": {}}, {"num_steps": 7})
    for name, tensor in expected.tensors.items():
        assert torch.equal(found.tensors[name], tensor)


def test_the_newest_few_and_the_best_are_kept(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, keep=2)
    for step in (10, 20, 30, 40, 50):
        save(store, step, best_step=20 if step >= 20 else None)
    assert store.steps() == [50, 40, 20]


def test_after_going_back_what_came_later_is_dropped(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, keep=3)
    for step in (10, 20, 30, 15):
        save(store, step)
    assert store.steps() == [15, 10]


def test_a_damaged_one_is_quarantined_and_the_one_before_is_taken(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, keep=3)
    for step in (10, 20, 30):
        save(store, step)
    for step in (20, 30):
        path = store.path_of(step)
        path.write_bytes(path.read_bytes()[:-100])
    found = store.newest()
    assert found.checkpoint.state == {"num_steps": 10}
    assert [path.name for path in found.quarantined] == [
        "step-00000030.pth.damaged",
        "step-00000020.pth.damaged",
    ]
    assert all(path.exists() for path in found.quarantined)


def test_without_any_the_way_on_is_told(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError) as caught:
        CheckpointStore(tmp_path / "none").newest()
    assert "without --resume" in caught.value.hint


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_never_saved(tmp_path: Path, number: float) -> None:
    store = CheckpointStore(tmp_path)
    checkpoint = a_checkpoint(1)
    checkpoint.tensors["model/ln_f.bias"][0] = number
    with pytest.raises(NotFiniteError):
        store.save(checkpoint, step=1)
    checkpoint = a_checkpoint(1)
    checkpoint.state["best_nats"] = number
    with pytest.raises(NotFiniteError):
        store.save(checkpoint, step=1)
    assert store.steps() == []


def test_what_a_killed_run_had_begun_is_removed(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path)
    save(store, 1)
    (tmp_path / ".step-00000002.pth.99.writing").write_bytes(b"half")
    store.remove_unfinished()
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001.pth"]


def damages(data: bytes, *, number: int, seed: int) -> Iterator[bytes]:
    """Yield the bytes with a flipped bit, cut short, or with a page of zeros."""
    rng = random.Random(seed)
    for _ in range(number):
        changed = bytearray(data)
        match rng.randrange(3):
            case 0:
                changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            case 1:
                del changed[rng.randrange(len(data)) :]
            case 2:
                start = rng.randrange(0, len(data), 512)
                changed[start : start + 512] = bytes(len(changed[start : start + 512]))
        if bytes(changed) != data:
            yield bytes(changed)


@pytest.mark.parametrize("number", [150, pytest.param(2_000, marks=pytest.mark.slow)])
def test_no_damage_is_ever_loaded(tmp_path: Path, number: int) -> None:
    path = tmp_path / "step-00000001.pth"
    save_checkpoint(path, a_checkpoint(1))
    data = path.read_bytes()
    for damaged in damages(data, number=number, seed=0):
        path.write_bytes(damaged)
        with pytest.raises(ModelFileError):
            load_checkpoint(path)


CALLS = ("open", "write", "fsync", "close", "replace", "unlink", "mkdir")
"""What a save asks of the system; pathlib goes through these, too."""


class Shim:
    """Stands before the system: records each call of a save, and fails one of them."""

    def __init__(self, *, fail_at: int | None = None) -> None:
        self.fail_at = fail_at
        self.operations: list[tuple[str, Any]] = []
        self.files: dict[int, str] = {}

    def wrap(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if name == "write" and args[0] not in self.files:
                return real(*args, **kwargs)
            number = len(self.operations)
            what = self.files.get(args[0]) if name in ("write", "fsync", "close") else args
            content = bytes(args[1]) if name == "write" else None
            self.operations.append((name, (what, content)))
            if number == self.fail_at:
                if name == "close":
                    real(*args)
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            result = real(*args, **kwargs)
            if name == "open":
                self.files[result] = str(args[0])
            return result

        return call


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch, shim: Shim) -> Iterator[None]:
    with monkeypatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, shim.wrap(name, getattr(os, name)))
        yield


@pytest.fixture
def three_saved(tmp_path: Path) -> CheckpointStore:
    store = CheckpointStore(tmp_path / "checkpoints", keep=2)
    for step in (1, 2):
        save(store, step)
    return store


def operations_of_a_save(store: CheckpointStore, monkeypatch: pytest.MonkeyPatch) -> Shim:
    shim = Shim()
    with watched(monkeypatch, shim):
        save(store, 3)
    return shim


def test_each_call_of_a_save_may_fail_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = CheckpointStore(tmp_path / "counting", keep=2)
    for step in (1, 2):
        save(counting, step)
    total = len(operations_of_a_save(counting, monkeypatch).operations)
    assert total >= 8
    for fail_at in range(total):
        store = CheckpointStore(tmp_path / str(fail_at), keep=2)
        for step in (1, 2):
            save(store, step)
        failed = False
        with watched(monkeypatch, Shim(fail_at=fail_at)):
            try:
                save(store, 3)
            except (StorageError, LuminaError):
                failed = True
        assert newest_step(store.folder) in ((2, 3) if failed else (3,))
        assert not list(store.folder.glob("*.damaged"))
        save(store, 4)  # and it goes on
        assert newest_step(store.folder) == 4
        assert not [path for path in store.folder.iterdir() if path.name.startswith(".")]


def test_power_may_fail_after_each_operation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, three_saved: CheckpointStore
) -> None:
    """What a disk may hold after a power cut: renames and removals are kept only once the
    folder is synced, or early at the disk's whim; contents only once the file is."""
    before = {path.name: path.read_bytes() for path in three_saved.folder.iterdir()}
    operations = operations_of_a_save(three_saved, monkeypatch).operations
    rng = random.Random(0)
    for cut in range(len(operations) + 1):
        for attempt in range(4):
            disk = after_power_cut(before, operations[:cut], rng=rng)
            folder = tmp_path / f"{cut}-{attempt}"
            folder.mkdir()
            for name, content in disk.items():
                (folder / name).write_bytes(content)
            assert newest_step(folder) in (2, 3)
            if cut == len(operations):
                assert newest_step(folder) == 3


def after_power_cut(
    before: dict[str, bytes], operations: list[tuple[str, Any]], *, rng: random.Random
) -> dict[str, bytes]:
    """Return the files that a disk may hold when power fails after some operations."""
    disk, written, synced = dict(before), {}, {}
    pending: list[tuple[str, str, str]] = []

    def settle(number: int) -> None:
        for kind, name, target in pending[:number]:
            if kind == "replace":
                disk.pop(name, None)
                content = synced.get(name)
                if content is None:  # never synced: any part of it, or nothing, is there
                    content = written.get(name, b"")[: rng.randrange(10)]
                disk[target] = content
            else:
                disk.pop(name, None)
        del pending[:number]

    for name, (what, content) in operations:
        base = Path(str(what[0] if isinstance(what, tuple) else what)).name
        match name:
            case "write":
                written[base] = written.get(base, b"") + (content or b"")
            case "fsync" if base in written:
                synced[base] = written[base]
            case "fsync":
                settle(len(pending))
            case "replace":
                pending.append(("replace", base, Path(str(what[1])).name))
            case "unlink":
                pending.append(("unlink", base, ""))
    settle(rng.randint(0, len(pending)))
    return disk
