"""Where no home is, or none that can be used, things are kept elsewhere, and that is told."""

import os
import stat
import tempfile
from pathlib import Path

import pytest

from lumina_cli.errors import StorageError
from lumina_cli.io.folders import user_folders
from lumina_cli.io.folders.cache_folder import cache_folder, cache_notices
from lumina_cli.io.folders.user_folders import cache_place, data_folder, home

posix = pytest.mark.skipif(os.name == "nt", reason="Windows keeps folders elsewhere")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without any variable, whose temporary folder is a new one."""
    for name in ("LUMINA_CACHE_DIR", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    user_folders._folder_in.cache_clear()
    return temporary


def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def home_of_nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", home_of_nobody)


@posix
def test_a_user_without_home_keeps_things_in_the_temporary_folder(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_home(monkeypatch)
    assert home() is None
    folder = cache_folder()
    assert folder.parent == data_folder().parent == elsewhere
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert cache_folder() == folder
    [notice] = cache_notices()
    assert "no home" in notice
    assert str(folder) in notice


@posix
@pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME"])
def test_a_home_that_is_no_folder_is_not_used(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(variable, str(tmp_path / "file" / "home"))
    place = cache_place()
    assert place.folder.parent == elsewhere
    assert "can't be written to" in place.why


@posix
def test_a_home_that_may_not_be_written_to_is_not_used(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("test"))
    assert cache_place().why == ""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert cache_place().folder.parent == elsewhere


@posix
def test_a_cache_of_another_user_is_not_used(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "lumina").mkdir()
    assert cache_place() == (tmp_path / "lumina", "")
    assert cache_notices() == []
    monkeypatch.setattr(user_folders, "is_own", lambda found: False)
    assert "belongs to another user" in cache_place().why


@posix
def test_a_folder_that_somebody_else_has_prepared_is_not_used(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_home(monkeypatch)
    trap = elsewhere / f"lumina-{os.geteuid()}"
    trap.mkdir()
    trap.chmod(0o777)
    assert cache_folder() not in (trap, elsewhere)
    assert cache_folder().parent == elsewhere


def test_without_any_folder_the_variables_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    no_home(monkeypatch)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)

    def none_usable() -> str:
        raise FileNotFoundError("no usable temporary directory")

    monkeypatch.setattr(tempfile, "gettempdir", none_usable)
    with pytest.raises(StorageError) as refused:
        cache_folder()
    assert "LUMINA_CACHE_DIR" in refused.value.hint


def test_a_folder_that_the_user_names_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUMINA_CACHE_DIR", "/somewhere")
    assert cache_place() == (Path("/somewhere"), "")
