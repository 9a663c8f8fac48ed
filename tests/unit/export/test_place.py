import os
from pathlib import Path

import pytest

from lumina_cli.errors import OutputError, StorageError
from lumina_cli.export.place import check_place, export_file, export_folder
from tests.unit.export.tiny_exports import leftovers


def exported(path: Path, text: str = "one") -> None:
    with export_folder(path) as folder:
        (folder / "a.txt").write_text(text, encoding="utf-8")
        (folder / "below").mkdir()
        (folder / "below" / "b.txt").write_text(text, encoding="utf-8")


def is_signed(path: Path) -> bool:
    return path.read_bytes().startswith(b"ours")


def test_a_folder_is_there_when_it_is_whole(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with export_folder(out) as folder:
        (folder / "a.txt").write_text("one", encoding="utf-8")
        assert not out.exists()
    assert (out / "a.txt").read_text(encoding="utf-8") == "one"
    assert leftovers(tmp_path, "out") == []


def test_what_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def stopped() -> None:
        with export_folder(tmp_path / "out") as folder:
            (folder / "a.txt").write_text("one", encoding="utf-8")
            raise KeyboardInterrupt

    def failed() -> None:
        with export_file(tmp_path / "out.bin", is_ours=is_signed) as file:
            file.write_bytes(b"half")
            raise ZeroDivisionError

    with pytest.raises(KeyboardInterrupt):
        stopped()
    with pytest.raises(ZeroDivisionError):
        failed()
    assert leftovers(tmp_path) == []


def test_an_earlier_export_gives_way(tmp_path: Path) -> None:
    exported(tmp_path / "out")
    exported(tmp_path / "out", "two")
    assert (tmp_path / "out" / "below" / "b.txt").read_text(encoding="utf-8") == "two"
    assert leftovers(tmp_path, "out") == []


def test_an_earlier_export_stays_where_the_new_one_fails(tmp_path: Path) -> None:
    exported(tmp_path / "out")
    with pytest.raises(ZeroDivisionError), export_folder(tmp_path / "out"):
        raise ZeroDivisionError
    assert (tmp_path / "out" / "a.txt").read_text(encoding="utf-8") == "one"


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    exported(tmp_path / "out")
    assert (tmp_path / "out" / "a.txt").is_file()


@pytest.mark.parametrize("what", ["changed", "added", "taken", "foreign", "marker"])
def test_a_folder_that_is_not_as_it_was_exported_is_left_alone(tmp_path: Path, what: str) -> None:
    out = tmp_path / "out"
    exported(out)
    match what:
        case "changed":
            (out / "a.txt").write_text("my own words", encoding="utf-8")
        case "added":
            (out / "below" / "mine.txt").write_text("my own words", encoding="utf-8")
        case "taken":
            (out / "a.txt").unlink()
        case "foreign":
            (out / "lumina-export.json").unlink()
        case "marker":
            (out / "lumina-export.json").write_text("[" * 100_000, encoding="utf-8")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(OutputError, match="left alone"):
        exported(out)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert leftovers(tmp_path, "out") == []


def test_what_somebody_puts_there_meanwhile_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def overtaken() -> None:
        with export_folder(out):
            out.mkdir()
            (out / "mine.txt").write_text("my own words", encoding="utf-8")

    with pytest.raises(OutputError, match="left alone"):
        overtaken()
    assert leftovers(out) == ["mine.txt"]


def test_a_file_of_another_kind_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "out.bin"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="left alone"), export_file(path, is_ours=is_signed):
        pass
    assert path.read_bytes() == b"mine"
    path.write_bytes(b"ours, of yesterday")
    with export_file(path, is_ours=is_signed) as file:
        file.write_bytes(b"ours, of today")
    assert path.read_bytes() == b"ours, of today"


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    exported(tmp_path / "real")
    (tmp_path / "out").symlink_to(tmp_path / "real")
    with pytest.raises(OutputError, match="left alone"):
        exported(tmp_path / "out", "two")


def test_a_place_that_can_not_be_is_told_first(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist"):
        exported(tmp_path / "missing" / "out")
    with pytest.raises(OutputError, match="too long"):
        exported(tmp_path / ("x" * 300))


@pytest.mark.parametrize("out", ["", ".", "/"])
def test_a_folder_without_a_name_of_its_own_is_left_alone(out: str) -> None:
    with pytest.raises(OutputError, match="can't be replaced"), export_folder(Path(out)):
        raise AssertionError("it is refused first")


def test_a_name_that_no_library_can_open_is_told_first(tmp_path: Path) -> None:
    out = tmp_path / "caf\udce9"
    with pytest.raises(OutputError, match="not UTF-8"), export_folder(out):
        raise AssertionError("it is refused first")


def test_a_full_disk_is_two_lines(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No space left"), export_folder(tmp_path / "out"):
        raise OSError(28, "No space left on device")
    assert leftovers(tmp_path) == []


def test_a_folder_that_cannot_be_written_to_is_told_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: path != tmp_path)
    with pytest.raises(OutputError, match="can't be written to"):
        check_place(tmp_path / "Model-hf", is_ours=lambda _: True)
