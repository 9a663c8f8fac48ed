"""Where a model may be written."""

from pathlib import Path

import pytest

from lumina_cli.errors import OutputError
from lumina_cli.io.run_folder import check_free


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (".", "is a folder"),
        ("folder", "is a folder"),
        ("Model.run", "is the name of a run's folder"),
        ("nowhere/Model.pth", "folder nowhere does not exist"),
    ],
)
def test_a_model_can_not_take_the_place_of_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=says):
        check_free(Path(name))
    assert (tmp_path / "folder").is_dir()


def test_any_other_name_is_taken_as_it_is(tmp_path: Path) -> None:
    check_free(tmp_path / "Model.pth")
    check_free(Path("a.b"))
