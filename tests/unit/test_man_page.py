"""The man page is roff that shows what the help says."""

import importlib.util
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("man_page", DOCS / "man_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_roff_would_take_for_a_command_is_text(page: ModuleType) -> None:
    assert page.roff(".dot\n'quote\na\\b --x é") == "\\&.dot\n\\&'quote\na\\eb \\-\\-x \\[u00E9]"


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
def test_roff_finds_no_fault_in_the_page_and_shows_each_command() -> None:
    shown = subprocess.run(
        ["groff", "-man", "-ww", "-Tutf8", DOCS / "lumina.1"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert shown.stderr == ""
    for command in ("Usage: lumina train", "Usage: lumina chat", "Usage: lumina data check"):
        assert command in shown.stdout
