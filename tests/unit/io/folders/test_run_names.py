"""No two models share a run's folder, and the folders of earlier versions are found."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.io.folders.run_folder import RunFolder
from lumina_cli.io.folders.run_names import model_name, model_of_run, run_folder_of

NAMES = ["m", "m.pth", "m.pt", "m.pth.pth", "m.run.pth", "m.model", "m.v1", "m.v1.5", "m.v1.6.pth"]


def begin(model: Path) -> Path:
    """Begin a run of a model, and return its folder."""
    folder = RunFolder(model)
    folder.start({"seed": 1})
    model.touch()
    return folder.path


def leave_old(folder: Path, *, model: str) -> None:
    """Leave a folder as earlier versions did: only the report tells of which model it is."""
    folder.mkdir()
    (folder / "settings.toml").write_text("seed = 1\n", encoding="utf-8")
    page = f"<html><head><title>Training of {model}</title></head></html>"
    (folder / "report.html").write_text(page, encoding="utf-8")


@pytest.mark.parametrize(
    ("model", "folder"),
    [
        ("Model.pth", "Model.run"),
        ("my.Model.pth", "my.Model.run"),
        ("bot-v1.5", "bot-v1.5.run"),
        ("m.pt", "m.pt.run"),
        ("m", "m.run"),
        (".pth", ".pth.run"),
    ],
)
def test_only_pth_is_an_ending(tmp_path: Path, model: str, folder: str) -> None:
    assert run_folder_of(tmp_path / model) == tmp_path / folder


@pytest.mark.parametrize("names", [NAMES, NAMES[::-1]])
def test_models_have_folders_of_their_own(tmp_path: Path, names: list[str]) -> None:
    folders = {name: begin(tmp_path / name) for name in names}
    assert len(set(folders.values())) == len(names)
    for name, folder in folders.items():
        assert run_folder_of(tmp_path / name) == folder
        assert model_of_run(folder) == tmp_path / name


@given(st.lists(st.text(".abpthrun1", min_size=1, max_size=8), min_size=2, max_size=2, unique=True))
def test_two_names_without_pth_never_meet(names: list[str]) -> None:
    first, second = (Path("nowhere") / name.strip(".").removesuffix(".pth") for name in names)
    if first != second and first.name and second.name:
        assert run_folder_of(first) != run_folder_of(second)


def test_an_old_folder_is_found_by_its_report(tmp_path: Path) -> None:
    leave_old(tmp_path / "bot-v1.run", model="bot-v1.6")
    assert run_folder_of(tmp_path / "bot-v1.6") == tmp_path / "bot-v1.run"
    assert run_folder_of(tmp_path / "bot-v1.5") == tmp_path / "bot-v1.5.run"
    assert model_of_run(tmp_path / "bot-v1.run") == tmp_path / "bot-v1.6"


def test_a_run_goes_on_in_its_old_folder(tmp_path: Path) -> None:
    leave_old(tmp_path / "m.run", model="m &amp; n.pt")
    leave_old(tmp_path / "m & n.run", model="m &amp; n.pt")
    RunFolder(tmp_path / "m & n.pt").resume({"seed": 1})
    assert run_folder_of(tmp_path / "m & n.pt") == tmp_path / "m & n.run"
    assert run_folder_of(tmp_path / "m.pth") == tmp_path / "m.run"


def test_a_model_that_was_renamed_with_its_folder_keeps_it(tmp_path: Path) -> None:
    begin(tmp_path / "Model.pth").rename(tmp_path / "Mine.run")
    (tmp_path / "Model.pth").rename(tmp_path / "Mine.pth")
    assert run_folder_of(tmp_path / "Mine.pth") == tmp_path / "Mine.run"
    assert model_of_run(tmp_path / "Mine.run") == tmp_path / "Mine.pth"


def test_a_folder_that_tells_nothing_is_of_the_model_with_its_name(tmp_path: Path) -> None:
    assert model_of_run(tmp_path / "x.run") == tmp_path / "x.pth"
    (tmp_path / "x").touch()
    assert model_of_run(tmp_path / "x.run") == tmp_path / "x"
    (tmp_path / "x.pth").touch()
    assert model_of_run(tmp_path / "x.run") == tmp_path / "x.pth"


def test_models_are_called_by_their_whole_names() -> None:
    names = [model_name(Path(name)) for name in ("Model.pth", "bot-v1.5", "m.pt", ".pth")]
    assert names == ["Model", "bot-v1.5", "m.pt", ".pth"]
