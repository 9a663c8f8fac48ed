"""Models by name, and files that were replaced."""

from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="the extra [serve] is not installed")

from lumina_cli.errors import ModelFileError, UsageError
from lumina_cli.server.generation.models import ModelRegistry, ServedModel, file_state
from tests.server.served import tiny_model


class Shelf:
    """Loads a model of a file's name; its seed stands in the file."""

    def __init__(self) -> None:
        self.loaded: list[str] = []

    def __call__(self, path: Path) -> ServedModel:
        content = path.read_text(encoding="utf-8")
        if not content:
            raise ModelFileError(f"{path} is damaged")
        self.loaded.append(content)
        model = tiny_model(path.stem, seed=int(content))
        object.__setattr__(model, "file_state", file_state(path))
        return model


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "a.pth", tmp_path / "b.pth"]
    for number, path in enumerate(paths):
        path.write_text(str(number), encoding="utf-8")
    return paths


def test_models_are_found_by_the_names_of_their_files(paths: list[Path]) -> None:
    models = ModelRegistry(paths, load=Shelf())
    assert [model.name for model in models.all()] == ["a", "b"]
    assert models.find("b") is models.all()[1]
    assert models.find("c") is None
    assert models.default is models.find("a")


def test_two_models_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two models are called Model"):
        ModelRegistry([tmp_path / "x/Model.pth", tmp_path / "y/Model.pth"], load=Shelf())


def test_only_a_replaced_file_is_loaded_anew(paths: list[Path]) -> None:
    shelf, replaced = Shelf(), list[ServedModel]()
    models = ModelRegistry(paths, load=shelf, on_replaced=replaced.append)
    before = models.all()
    models.reload_replaced()
    assert models.all() == before
    paths[1].write_text("17", encoding="utf-8")
    models.reload_replaced()
    assert shelf.loaded == ["0", "1", "17"]
    assert models.find("a") is before[0]
    assert models.find("b") is not before[1]
    assert replaced == [before[1]]


@pytest.mark.parametrize("is_gone", [True, False])
def test_where_loading_fails_the_old_model_stays(
    paths: list[Path], is_gone: bool, caplog: pytest.LogCaptureFixture
) -> None:
    models = ModelRegistry(paths, load=Shelf())
    before = models.all()
    if is_gone:
        paths[0].unlink()
    else:
        paths[0].write_text("", encoding="utf-8")
    paths[1].write_text("17", encoding="utf-8")
    models.reload_replaced()
    assert models.find("a") is before[0]
    assert models.find("b") is not before[1]
    assert "model a stays as it is" in caplog.text
