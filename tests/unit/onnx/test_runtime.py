"""ONNX Runtime tells nobody anything."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

pytest.importorskip("onnxruntime", reason="needs the extra [fast]")


def environment(home: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("ORT_")}
    for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        ours.pop(name, None)
    return {**ours, "HOME": home, "PYTHONPATH": str(REPOSITORY / "src")}


def load(home: str) -> str:
    """Load it as lumina does; return what it writes to the terminal."""
    call = [sys.executable, "-c", "import lumina_cli.onnx.runtime"]
    done = subprocess.run(call, env=environment(home), check=True, capture_output=True, text=True)
    return done.stdout + done.stderr


def test_it_leaves_no_file_in_the_user_s_home(tmp_path: Path) -> None:
    assert load(str(tmp_path)) == ""
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="a folder that nobody can write to")
def test_it_says_nothing_where_home_can_t_be_written_to() -> None:
    assert load("/proc/nobody") == ""


def test_nobody_imports_it_otherwise() -> None:
    direct = re.compile(r"^import onnxruntime|^from onnxruntime|optional\(.onnxruntime.", re.M)
    texts = {path: path.read_text("utf-8") for path in (REPOSITORY / "src").rglob("*.py")}
    assert [path.name for path, text in texts.items() if direct.search(text)] == ["runtime.py"]
