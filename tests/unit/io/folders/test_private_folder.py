"""What this program keeps of a person is that person's alone, and nobody else's is trusted."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from lumina_cli.cli.chat.history import LineHistory
from lumina_cli.errors import StorageError
from lumina_cli.io import lock
from lumina_cli.io.atomic import write_atomically
from lumina_cli.io.folders.cache_folder import build_entry, hold_entry, prune
from lumina_cli.io.folders.owned_folder import MARKER
from lumina_cli.recipes.run.run_backup import back_up_run

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")


@pytest.fixture(params=[0o022, 0o000, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def build(path: Path) -> None:
    held = build_entry(path, lambda folder: (folder / "train.bin").touch())
    assert held is not None
    held.release()


def test_what_is_cached_and_typed_is_nobody_elses_to_read(tmp_path: Path, umask: int) -> None:
    assert umask is not None
    build(tmp_path / "lumina" / "corpora" / "entry")
    LineHistory(tmp_path / "data" / "chat_history").add("hello")
    assert mode(tmp_path / "lumina" / "corpora") == 0o700
    assert mode(tmp_path / "lumina" / "corpora" / "entry") == 0o700
    assert mode(tmp_path / "lumina" / "corpora" / "entry" / MARKER) == 0o600
    assert mode(tmp_path / "data") == 0o700
    assert mode(tmp_path / "data" / "chat_history") == 0o600


def test_a_runs_folder_is_private_and_its_model_is_as_any_file(tmp_path: Path, umask: int) -> None:
    model, run = tmp_path / "Model.pth", tmp_path / "Model.run"
    write_atomically(model, b"model")
    with lock.hold(run):
        (run / "metrics.jsonl").touch()
        back_up_run(model)
    assert mode(run) == 0o700
    assert mode(tmp_path / "Model.previous.run") == 0o700
    assert mode(tmp_path / "Model.previous.pth") == 0o666 & ~umask


def test_a_runs_folder_that_was_opened_to_others_stays_open(tmp_path: Path) -> None:
    run = tmp_path / "Model.run"
    run.mkdir()
    run.chmod(0o755)
    with lock.hold(run):
        assert mode(run) == 0o755


def test_a_cache_that_everybody_may_write_to_is_not_trusted(tmp_path: Path) -> None:
    build(tmp_path / "corpora" / "entry")
    (tmp_path / "corpora").chmod(0o777)
    for use in (build, hold_entry):
        with pytest.raises(StorageError, match="can be written to by every user") as caught:
            use(tmp_path / "corpora" / "entry")
        assert "LUMINA_CACHE_DIR" in caught.value.hint


def test_a_cache_of_another_user_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(tmp_path / "corpora" / "entry")
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    for use in (build, hold_entry):
        with pytest.raises(StorageError, match="belongs to another user"):
            use(tmp_path / "corpora" / "entry")


def test_an_entry_of_another_user_is_neither_used_nor_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(tmp_path / "corpora" / "entry")
    monkeypatch.setattr("lumina_cli.io.folders.cache_folder.check_trusted", lambda _: None)
    monkeypatch.setattr("lumina_cli.io.folders.owned_folder.is_own", lambda _: False)
    assert hold_entry(tmp_path / "corpora" / "entry") is None
    monkeypatch.setattr("lumina_cli.io.folders.cache_folder.MOST_ENTRIES", 0)
    prune(tmp_path / "corpora")
    assert (tmp_path / "corpora" / "entry" / "train.bin").exists()


def test_a_cache_that_a_group_may_write_to_is_closed_to_it(tmp_path: Path) -> None:
    build(tmp_path / "corpora" / "entry")
    (tmp_path / "corpora").chmod(0o775)
    build(tmp_path / "corpora" / "entry")
    assert mode(tmp_path / "corpora") == 0o755


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may")
def test_another_user_finds_nothing_in_a_real_folder() -> None:
    """Nothing is pretended here: another user looks into a folder, and is given one."""
    with TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        corpora = Path(place) / "corpora"
        build(corpora / "entry")
        look = f"import os; os.setgid(65534); os.setuid(65534); os.listdir({str(corpora)!r})"
        done = subprocess.run([sys.executable, "-c", look], capture_output=True, check=False)
        assert b"PermissionError" in done.stderr
        os.chown(corpora, 65534, 65534)
        with pytest.raises(StorageError, match="belongs to another user"):
            hold_entry(corpora / "entry")
