"""What a shell completes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lumina_cli.cli.help.completion import models, runs
from tests.cli.command_line import lumina


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("Model.pth", "cats/Cat.pth", "notes.txt", ".hidden/Old.pth"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    Path("Model.run/checkpoints").mkdir(parents=True)
    Path("Model.run/checkpoints/step-00000010.pth").touch()


def completed(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    """Ask as bash does: what follows the words of this line, the last of them half typed?"""
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(line.count(" ")))
    monkeypatch.setenv("_LUMINA_COMPLETE", "complete_bash")
    with pytest.raises(SystemExit):
        lumina()
    return capsys.readouterr().out.split()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("lumina fi", ["finetune"]),
        ("lumina data c", ["check"]),
        ("lumina train --presets", []),
        ("lumina train --list", ["--list-presets"]),
        ("lumina train --preset ", ["demo", "small", "base", "large"]),
        ("lumina train --optimizer m", ["muon"]),
        ("lumina train --position-encoding=r", ["rotary"]),
        ("lumina chat --model ", ["Model.pth", "cats/Cat.pth"]),
        ("lumina info cats/", ["cats/Cat.pth"]),
        ("lumina train --resume ", ["Model.run"]),
        ("lumina export --to g", ["gguf"]),
        ("lumina nonsense --x", []),
    ],
)
def test_what_may_follow_is_offered(
    line: str,
    expected: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert completed(line, monkeypatch, capsys) == expected


def test_the_checkpoints_of_a_run_are_offered_once_it_is_typed() -> None:
    assert runs("Model.run/") == [str(Path("Model.run/checkpoints/step-00000010.pth"))]


def test_a_folder_that_is_not_there_offers_nothing() -> None:
    assert models("nowhere/") == []
    assert runs("nowhere/x") == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_installs_completion_and_it_is_a_script_that_bash_reads(tmp_path: Path) -> None:
    program = (
        "import sys; from lumina_cli.cli.app import main;"
        " sys.argv = ['lumina', '--show-completion', 'bash']; main()"
    )
    named = os.environ | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}  # not that of make
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, env=named
    )
    checked = subprocess.run(["bash", "-n"], input=shown.stdout, capture_output=True, check=False)
    assert b"lumina" in shown.stdout
    assert checked.returncode == 0
