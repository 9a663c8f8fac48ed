"""Whatever call of the system fails, and wherever the process dies: nothing is lost.

The old file is whole, or the new one is; what the user had is still there.
"""

import json
import os
from contextlib import suppress
from pathlib import Path

import pytest

from lumina_cli.chat.session_file import SavedMessage, SavedSession, read_session, write_session
from lumina_cli.cli.chat.history import MAX_ENTRIES, LineHistory
from lumina_cli.core.checkpoint.store import CheckpointStore
from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.training.events import StepDone
from lumina_cli.data.hub.dataset_folder import MANIFEST, Manifest, new_folder, read_manifest, verify
from lumina_cli.errors import LuminaError, OutputError, StorageError
from lumina_cli.io import lock
from lumina_cli.io.atomic import write_atomically
from lumina_cli.io.folders.cache_folder import LEFTOVER_S, build_entry, hold_entry, prune
from lumina_cli.io.folders.owned_folder import BUILDING, MARKER, REMOVED, read_marker
from lumina_cli.io.folders.run_folder import RunFolder
from lumina_cli.io.staging import STAGING_SUFFIX
from lumina_cli.recipes.run.run_backup import back_up_run
from tests.failing import FAILURES, Failure, Killed, contents, failures, full_disk
from tests.unit.core.checkpoint.test_store import a_checkpoint

DIES = None
CODES = [*FAILURES, DIES]
POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of files")

every_code = pytest.mark.parametrize("code", CODES, ids=["full", "broken", "forbidden", "killed"])


def check_error(failure: Failure, *, is_quiet: bool = False) -> None:
    """Make sure that a failure was told as one that a user can mend, and what it says of it."""
    if isinstance(failure.error, Killed):
        return
    if failure.error is None:
        assert is_quiet or failure.call in ("unlink", "rmdir", "utime", "close"), failure
        return
    assert isinstance(failure.error, (OutputError, StorageError)), failure
    assert failure.error.exit_code in (73, 74)
    assert str(failure.folder) in failure.error.message
    assert "None" not in failure.error.message


def is_leftover(name: str) -> bool:
    return name.endswith(STAGING_SUFFIX)


# One file.


@every_code
def test_a_file_is_the_old_one_or_the_new_one(tmp_path: Path, code: int | None) -> None:
    for failure in failures(
        tmp_path,
        lambda folder: (folder / "Model.pth").write_bytes(b"old"),
        lambda folder: write_atomically(folder / "Model.pth", b"new"),
        code=code,
    ):
        check_error(failure)
        files = {n: c for n, c in contents(failure.folder).items() if not is_leftover(n)}
        assert files in ({"Model.pth": b"old"}, {"Model.pth": b"new"})
        if failure.error is None:
            assert files == {"Model.pth": b"new"}


SESSION = SavedSession(
    model="a" * 64,
    sampling=SamplingConfig(),
    seed=7,
    num_drawn=1,
    messages=(SavedMessage(role="user", text="hi"),),
)
LATER = SESSION.model_copy(update={"num_drawn": 2})


@every_code
def test_a_saved_chat_is_the_old_one_or_the_new_one(tmp_path: Path, code: int | None) -> None:
    for failure in failures(
        tmp_path,
        lambda folder: write_session(folder / "chat.json", SESSION),
        lambda folder: write_session(folder / "chat.json", LATER),
        code=code,
    ):
        check_error(failure)
        assert read_session(failure.folder / "chat.json") in (SESSION, LATER)


@POSIX
@pytest.mark.parametrize("room", [0, 1, 100])
def test_a_full_disk_leaves_the_saved_chat(tmp_path: Path, room: int) -> None:
    path = tmp_path / "chat.json"
    write_session(path, SESSION)
    with full_disk(room), pytest.raises(StorageError, match=r"chat\.json can't be written"):
        write_session(path, LATER)
    assert read_session(path) == SESSION
    assert list(tmp_path.iterdir()) == [path]


# Checkpoints.


def with_checkpoints(folder: Path) -> None:
    store = CheckpointStore(folder / "checkpoints")
    for step in (1, 2):
        store.save(a_checkpoint(step), step=step)


@every_code
def test_there_is_always_a_whole_checkpoint(tmp_path: Path, code: int | None) -> None:
    for failure in failures(
        tmp_path,
        with_checkpoints,
        lambda folder: CheckpointStore(folder / "checkpoints").save(a_checkpoint(3), step=3),
        code=code,
    ):
        check_error(failure)
        store = CheckpointStore(failure.folder / "checkpoints")
        found = store.newest()
        assert found.checkpoint.state["num_steps"] in (2, 3)
        assert not found.quarantined
        assert {2} <= set(store.steps())  # what comes before the newest stays as well


@every_code
def test_a_checkpoint_that_is_damaged_is_never_deleted(tmp_path: Path, code: int | None) -> None:
    def damage(folder: Path) -> None:
        with_checkpoints(folder)
        path = folder / "checkpoints" / "step-00000002.pth"
        path.write_bytes(path.read_bytes()[:-100])

    for failure in failures(
        tmp_path, damage, lambda folder: CheckpointStore(folder / "checkpoints").newest(), code=code
    ):
        check_error(failure)
        names = set(contents(failure.folder / "checkpoints"))
        assert len(names) == 2
        assert "step-00000001.pth" in names


# An earlier run that is moved aside.


def leave_run(folder: Path) -> None:
    (folder / "Model.pth").write_bytes(b"model")
    checkpoints = folder / "Model.run" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "step-00000009.pth").write_bytes(b"checkpoint")
    for name in ("metrics.jsonl", "samples.txt", "settings.toml", "lock"):
        (folder / "Model.run" / name).write_bytes(name.encode())


@every_code
def test_moving_a_run_aside_is_done_or_not_done(tmp_path: Path, code: int | None) -> None:
    for failure in failures(
        tmp_path, leave_run, lambda folder: back_up_run(folder / "Model.pth"), code=code
    ):
        check_error(failure)
        found = contents(failure.folder)
        assert sorted(found.values()) == sorted(
            [b"model", b"checkpoint", b"metrics.jsonl", b"samples.txt", b"settings.toml", b"lock"]
        )
        if isinstance(failure.error, LuminaError):  # whatever was moved is back in its place
            (failure.folder / "expected").mkdir()
            leave_run(failure.folder / "expected")
            there = {name: c for name, c in found.items() if not name.startswith("expected")}
            assert there == contents(failure.folder / "expected")
            assert not (failure.folder / "Model.previous.run").exists()


@every_code
def test_after_any_death_the_next_run_moves_the_rest_aside(
    tmp_path: Path, code: int | None
) -> None:
    for failure in failures(
        tmp_path, leave_run, lambda folder: back_up_run(folder / "Model.pth"), code=code
    ):
        back_up_run(failure.folder / "Model.pth")
        found = contents(failure.folder)
        assert not (failure.folder / "Model.pth").exists()
        assert len(found) == 6
        assert found["Model.run/lock"] == b"lock"


# The folder of a run.


def event(step: int) -> StepDone:
    values = dict.fromkeys(StepDone.__dataclass_fields__, 0)
    return StepDone(**{**values, "step": step})


@every_code
def test_what_a_run_tells_is_added_or_not(tmp_path: Path, code: int | None) -> None:
    def prepare(folder: Path) -> None:
        run = RunFolder(folder / "Model.pth")
        run.start({"epochs": 3})
        run.record(event(1))

    def go_on(folder: Path) -> None:
        run = RunFolder(folder / "Model.pth")
        run.resume({"epochs": 3})
        run.record(event(2))

    for failure in failures(tmp_path, prepare, go_on, code=code):
        check_error(failure, is_quiet=True)
        run = failure.folder / "Model.run"
        settings = (run / "settings.toml").read_text(encoding="utf-8")
        assert settings == '# the run of "Model.pth"\nepochs = 3\n'
        lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        assert [json.loads(line)["step"] for line in lines] in ([1], [1, 2])


@every_code
def test_a_run_that_cannot_begin_says_so(tmp_path: Path, code: int | None) -> None:
    for failure in failures(
        tmp_path,
        lambda _: None,
        lambda folder: RunFolder(folder / "Model.pth").start({"epochs": 3}),
        code=code,
    ):
        check_error(failure)


@POSIX
def test_a_line_that_was_cut_off_costs_no_other(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "Model.pth")
    run.start({"epochs": 3})
    run.record(event(1))
    metrics = tmp_path / "Model.run" / "metrics.jsonl"
    with full_disk(metrics.stat().st_size + 20):
        run.record(event(2))
    run.record(event(3))
    steps = []
    for line in metrics.read_text(encoding="utf-8").splitlines():
        with suppress(ValueError):
            steps.append(json.loads(line)["step"])
    assert steps == [1, 3]


@every_code
def test_a_lock_fails_as_what_a_user_can_mend(tmp_path: Path, code: int | None) -> None:
    def hold(folder: Path) -> None:
        with lock.hold(folder / "Model.run"):
            pass

    for failure in failures(tmp_path, lambda _: None, hold, code=code):
        check_error(failure, is_quiet=failure.call in ("ftruncate", "write"))
        with lock.hold(failure.folder / "Model.run"):
            pass


# The cache.


def fill(folder: Path) -> None:
    (folder / "train.bin").write_bytes(b"x" * 100)
    (folder / "corpus.json").write_bytes(b"{}")


def build(folder: Path) -> None:
    held = build_entry(folder / "cache" / "entry", fill)
    if held is not None:
        held.release()


def check_cache(folder: Path) -> None:
    """Make sure that what is there is whole, and that all the rest goes one day."""
    cache = folder / "cache"
    if not cache.exists():
        return
    held = hold_entry(cache / "entry")
    if held is not None:
        assert contents(held.path).keys() == {MARKER, "train.bin", "corpus.json"}
        held.release()
    for each in cache.iterdir():
        assert each.name == "entry" or each.name.startswith((BUILDING, REMOVED))
        for path in (*each.iterdir(), each):
            os.utime(path, (1, 1))
    prune(cache)
    unmarked = [each for each in cache.iterdir() if read_marker(each) is None]
    assert not any(any(contents(each).values()) for each in unmarked), "this never goes"
    assert {each.name for each in cache.iterdir()} - {each.name for each in unmarked} <= {"entry"}
    build(folder)
    assert contents(cache / "entry")["train.bin"] == b"x" * 100


@every_code
def test_an_entry_of_the_cache_is_whole_or_not_there(tmp_path: Path, code: int | None) -> None:
    assert LEFTOVER_S > 0
    for failure in failures(tmp_path, lambda _: None, build, code=code):
        check_error(failure)
        if isinstance(failure.error, LuminaError) and (failure.folder / "cache").exists():
            assert not any((failure.folder / "cache").iterdir()), failure
        check_cache(failure.folder)


@every_code
def test_an_entry_that_is_taken_away_is_whole_or_gone(tmp_path: Path, code: int | None) -> None:
    def many(folder: Path) -> None:
        build(folder)
        (folder / "cache" / "other").mkdir()

    def take_away(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("lumina_cli.io.folders.cache_folder.MOST_BYTES", 1)
            held = build_entry(folder / "cache" / "newer", fill)
            if held is not None:
                held.release()
            prune(folder / "cache")

    for failure in failures(tmp_path, many, take_away, code=code):
        check_error(failure, is_quiet=failure.call in ("open", "rename"))  # a later call does it
        (failure.folder / "cache" / "other").rmdir()  # nobody's but the user's: it is there
        newer = hold_entry(failure.folder / "cache" / "newer")
        if newer is not None:
            assert len(contents(newer.path)) == 3
            newer.release()
        held = hold_entry(failure.folder / "cache" / "entry")
        if held is not None:
            assert len(contents(held.path)) == 3
            held.release()


@POSIX
@pytest.mark.parametrize("room", [0, 1, 50, 99])
def test_a_full_disk_leaves_nothing_half_built(tmp_path: Path, room: int) -> None:
    with full_disk(room), pytest.raises(StorageError, match="can't be written"):
        build(tmp_path)
    assert not any((tmp_path / "cache").iterdir())
    build(tmp_path)


# What was typed.


def with_history(folder: Path) -> None:
    history = LineHistory(folder / "history")
    history.add("one")
    history.add("two")


@every_code
def test_the_history_keeps_what_it_had(tmp_path: Path, code: int | None) -> None:
    for failure in failures(
        tmp_path, with_history, lambda folder: LineHistory(folder / "history").add("3"), code=code
    ):
        check_error(failure, is_quiet=True)
        assert LineHistory(failure.folder / "history").lines in (
            ["one", "two"],
            ["one", "two", "3"],
        )


@every_code
def test_a_long_history_is_cut_or_left_as_it_is(tmp_path: Path, code: int | None) -> None:
    lines = [str(number) for number in range(2 * MAX_ENTRIES + 1)]

    def prepare(folder: Path) -> None:
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / "history").write_text(text, encoding="utf-8")

    for failure in failures(
        tmp_path, prepare, lambda folder: LineHistory(folder / "history"), code=code
    ):
        check_error(failure, is_quiet=True)
        assert LineHistory(failure.folder / "history").lines == lines[-MAX_ENTRIES:]


@POSIX
def test_a_line_of_the_history_that_was_cut_off_costs_no_other(tmp_path: Path) -> None:
    with_history(tmp_path)
    path = tmp_path / "history"
    with full_disk(path.stat().st_size + 3):
        LineHistory(path).add("a longer one")
    LineHistory(path).add("three")
    assert LineHistory(path).lines == ["one", "two", "three"]


@POSIX
def test_a_full_disk_leaves_a_long_history(tmp_path: Path) -> None:
    lines = [str(number) for number in range(2 * MAX_ENTRIES + 1)]
    path = tmp_path / "history"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    with full_disk(10):
        assert LineHistory(path).lines == lines[-MAX_ENTRIES:]
    assert LineHistory(path).lines == lines[-MAX_ENTRIES:]


# A data set.


def fetch(folder: Path, text: str) -> None:
    manifest = Manifest("poems", source="a test", revision="", licence="")
    with new_folder(folder / "poems_data", manifest=manifest) as writer:
        for _ in writer.write_part("train", [{"text": text}]):
            pass


@every_code
def test_a_data_set_is_the_old_one_or_the_new_one(tmp_path: Path, code: int | None) -> None:
    for failure in failures(
        tmp_path,
        lambda folder: fetch(folder, "old"),
        lambda folder: fetch(folder, "new"),
        code=code,
    ):
        is_quiet = failure.call in ("open", "rename")  # of what is taken away afterwards
        check_error(failure, is_quiet=is_quiet)
        texts = [c for n, c in contents(failure.folder).items() if n.endswith("train.jsonl")]
        assert any(b"old" in text or b"new" in text for text in texts)
        if isinstance(failure.error, Killed):
            continue  # two renames: between them it lies under its hidden name
        folder = failure.folder / "poems_data"
        manifest = read_manifest(folder)
        assert manifest is not None
        verify(folder, manifest)
        if failure.error is None:
            assert b"new" in (folder / "train.jsonl").read_bytes()
        assert contents(folder).keys() == {MANIFEST, "train.jsonl"}
