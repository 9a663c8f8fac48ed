"""Every name that is made from the name of a model fits where the model's does."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lumina_cli.core.checkpoint import store
from lumina_cli.errors import OutputError
from lumina_cli.io.folders.run_folder import LONGEST_NAME, OWN, RunFolder, check_free
from lumina_cli.io.names import check_length, fitting_stem, is_too_long, told_path
from lumina_cli.io.staging import staging_file
from lumina_cli.recipes.finetune import finetune
from lumina_cli.recipes.run import run_backup

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows counts otherwise")

LONGEST = 255
NAMES = [
    "x" * 251 + ".pth",
    "x" * 240,
    "ä" * 125 + "x.pth",
    "模" * 83 + "xx.pth",
    "😀" * 62 + "xxx.pth",
]


def derived(model: Path) -> Iterator[Path]:
    """All that this program writes for a model, in the order in which a name is derived."""
    yield model
    yield RunFolder(model).path
    yield from (RunFolder(model).path / name for name in OWN)
    for number in (1, 2, 10, 100):
        for taken in range(1, number):
            mark = ".previous" + (f"-{taken}" if taken > 1 else "")
            endings = [mark + model.suffix, mark + ".run"]
            stem = fitting_stem(model, stem=model.stem, endings=endings)
            (model.with_name(stem + mark + model.suffix)).touch()
        yield from run_backup._free_names(model)
    yield finetune._free_name(model)
    for path in (model, RunFolder(model).checkpoints / store.NAME.format(10**11)):
        path.parent.mkdir(parents=True, exist_ok=True)
        with staging_file(path) as (staging, handle):
            os.close(handle)
        yield staging
        assert path == model or len(staging.name) < len(LONGEST_NAME)


@pytest.mark.parametrize("name", NAMES)
def test_every_derived_name_fits(tmp_path: Path, name: str) -> None:
    model = tmp_path / name
    assert len(os.fsencode(name)) in (LONGEST, 240)
    check_free(model)
    for path in derived(model):
        assert not is_too_long(path), path.name
        assert path.name.isprintable(), "no character is cut in two"


@pytest.mark.parametrize("name", NAMES)
def test_a_model_and_its_run_are_kept_under_one_name(tmp_path: Path, name: str) -> None:
    model = tmp_path / name
    for number in range(3):
        model.write_text(str(number))
        RunFolder(model).start({"seed": number})
        run_backup.back_up_run(model)
    kept = sorted(path for path in tmp_path.iterdir() if ".previous" in path.name)
    models = [path for path in kept if path.is_file()]
    assert sorted(path.read_text() for path in models) == ["0", "1", "2"]
    runs = [path.with_name(path.name.removesuffix(".pth") + ".run") for path in models]
    assert all(run.is_dir() for run in runs)


def test_a_short_name_stays_as_it_is(tmp_path: Path) -> None:
    assert (
        fitting_stem(tmp_path / "my.Model.pth", stem="my.Model", endings=[".previous.pth"])
        == "my.Model"
    )


@pytest.mark.parametrize(
    "path",
    [
        "x" * 256,
        "x" * 252,
        "ä" * 126 + ".pth",
        "folder/" * 600 + "Model.pth",
    ],
    ids=lambda path: path[:9],
)
def test_a_name_or_a_path_that_is_too_long_is_told_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match="too long") as raised:
        check_free(Path(path))
    assert len(str(raised.value)) < 5_000


def test_the_files_of_a_run_have_to_fit_as_well() -> None:
    check_length(Path("Model.pth"))
    with pytest.raises(OutputError, match="too long"):
        check_length(Path("Model.pth"), Path("Model.run") / ("x/" * 2_100))


@pytest.mark.skipif(os.name == "nt", reason="names are characters there")
def test_a_name_that_is_no_utf8_is_found_as_a_model_tells_it(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path / "caf") + b"\xe9.txt"))
    told = str(path).encode(errors="backslashreplace").decode()
    assert told_path(told) == Path(told)
    path.touch()
    assert told_path(told) == path
    Path(told).touch()
    assert told_path(told) == Path(told)
