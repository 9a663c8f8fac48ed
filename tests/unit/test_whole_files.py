"""Every file that is read into memory whole: a pipe makes none wait, and none is without end."""

import ast
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import lumina_cli
from lumina_cli.chat.session_file import read_session
from lumina_cli.cli.chat.history import LineHistory
from lumina_cli.cli.commands import generate
from lumina_cli.data.hub.dataset_folder import MANIFEST, read_manifest, verify
from lumina_cli.errors import DataError, MissingInputError, UsageError
from lumina_cli.io.folders import run_folder, run_names
from lumina_cli.io.folders.owned_folder import MARKER, read_marker
from lumina_cli.recipes.run.report_page.history import RunHistory, read_history
from lumina_cli.recipes.run.report_page.page import write_report_page
from lumina_cli.recipes.run.run_backup import back_up_run
from lumina_cli.settings import TRAIN_CONFIGS, resolve_settings

SOURCE = Path(lumina_cli.__file__).parent

SYSTEM_OR_PACKAGE = {
    "core/training/parallel/place.py",  # /proc
    "io/cgroup.py",  # /proc and /sys
    "io/process_memory.py",  # /proc
    "browser/bundle.py",  # the package's own
    "cli/help/docs.py",  # the package's own
    "data/starter/handwritten.py",  # the package's own
    "data/starter/tables.py",
    "export/web/page.py",  # the package's own
    "server/page.py",  # the package's own
}
"""Modules that may read files whole in the plain way: nobody else writes these files."""


def reads_whole(call: ast.AST) -> bool:
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in ("read_text", "read_bytes")
    )


def test_files_are_read_whole_in_one_place_alone() -> None:
    found = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if any(map(reads_whole, ast.walk(ast.parse(path.read_text(encoding="utf-8")))))
    }
    assert found == SYSTEM_OR_PACKAGE


def settings_of(path: Path) -> object:
    return resolve_settings(TRAIN_CONFIGS, flags={}, environ={}, toml=path)


def prompt_of(path: Path) -> object:
    return generate._prompt([], path)


REFUSALS: list[tuple[str, Callable[[Path], object]]] = [
    ("settings", settings_of),
    ("prompt", prompt_of),
    ("chat", read_session),
]


@pytest.fixture
def pipe(tmp_path: Path) -> Callable[[str], Path]:
    if os.name != "posix":
        pytest.skip("named pipes of POSIX")

    def make(name: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        os.mkfifo(path)
        return path

    return make


@pytest.mark.parametrize(("name", "reader"), REFUSALS)
def test_a_pipe_that_is_named_is_refused(
    name: str, reader: Callable[[Path], object], pipe: Callable[[str], Path]
) -> None:
    with pytest.raises(MissingInputError, match="named pipe"):
        reader(pipe(name))


@pytest.mark.parametrize(("name", "reader"), REFUSALS)
def test_a_file_without_end_is_refused(
    tmp_path: Path, name: str, reader: Callable[[Path], object]
) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(1 << 40)  # holds nothing, and says that it is a terabyte
    with pytest.raises((MissingInputError, DataError), match=r"more than|too large"):
        reader(tmp_path / name)


def test_a_pipe_in_place_of_what_we_wrote_is_no_wait(
    tmp_path: Path, pipe: Callable[[str], Path]
) -> None:
    history = LineHistory(pipe("history"))
    history.add("hello")
    assert history.lines == ["hello"]
    pipe(f"data/{MANIFEST}")
    assert read_manifest(tmp_path / "data") is None
    pipe("data/train.jsonl")
    with pytest.raises(DataError, match="is missing"):
        verify(tmp_path / "data", {"files": {"train.jsonl": {"sha256": "0"}}})
    pipe(f"entry/{MARKER}")
    assert read_marker(tmp_path / "entry") is None
    pipe(f"Model.run/{run_folder.METRICS}")
    pipe(f"Model.run/{run_names.SETTINGS}")
    with pytest.raises(OSError, match="named pipe"):
        read_history(tmp_path / "Model.run" / run_folder.METRICS)
    write_report_page(tmp_path / "Model.run", history=RunHistory(), title="x", facts={})
    run_folder.check_free(tmp_path / "Model.pth")
    back_up_run(tmp_path / "Model.pth")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("batch_size = 16\nepochs = " + "9" * 5000, r"thousands of digits \(at line 2\)"),
        ("x = 1\n" + "[" * 5000, "nested too deep|not valid TOML"),
        ("a = " + "[" * 5000, "nested too deep"),
        ("a = " + "{b=" * 5000, "nested too deep"),
        ("a = 1979-99-99", "not valid TOML"),
        ("epochs = 0x" + "f" * 3000, "must be less than 9,223"),
        ("seed = 1\nepochs = [0x" + "f" * 5000 + "]", r"thousands of digits \(at line 2\)"),
        ("batch_size = 0x" + "f" * 3000, "must be less than 9,223"),
        ("epochs = '" + "9" * 4000 + "'", "must be less than 9,223"),
        ("epochs = '" + "9" * 5000 + "'", "must be a whole number"),
        ("epochs = [" + "1," * 5000 + "]", "epochs must be a whole number"),
    ],
    ids=lambda text: text[:12],
)
def test_wicked_settings_are_a_usage_error(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "x.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=told) as refusal:
        settings_of(tmp_path / "x.toml")
    assert len(str(refusal.value)) < 300 + len(str(tmp_path))


def test_stdin_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless:
        def read(self, size: int) -> str:
            return "x" * size

    monkeypatch.setattr(generate, "MAX_PROMPT_BYTES", 1000)
    monkeypatch.setattr("sys.stdin", Endless())
    with pytest.raises(DataError, match="more than 1,000"):
        generate._prompt(["-"], None)
