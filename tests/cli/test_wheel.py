"""The wheel, installed in a fresh environment outside of the source tree."""

import os
import subprocess
import sys
import sysconfig
import venv
from importlib.util import find_spec
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("build") is None, reason="needs the package build"),
    pytest.mark.skipif(find_spec("setuptools") is None, reason="needs setuptools"),
]


def called(*command: object, cwd: Path) -> str:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**clean, "XDG_CACHE_HOME": str(cwd / "cache")},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of what is in the repository: a build leaves folders where it runs."""
    copy = tmp_path_factory.mktemp("source")
    for name in ("src", "docs", "pyproject.toml", "README.md", "LICENSE"):
        called("cp", "-r", REPOSITORY / name, copy, cwd=copy)
    return copy


@pytest.fixture(scope="module")
def environment(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a fresh environment with the wheel in it; what it depends on is that of the tests."""
    called(sys.executable, "-m", "build", "--no-isolation", "--outdir", source / "dist", cwd=source)
    (wheel,) = (source / "dist").glob("*.whl")
    assert list((source / "dist").glob("*.tar.gz"))
    root = tmp_path_factory.mktemp("environment")
    venv.create(root, with_pip=True)
    python = root / "bin" / "python"
    called(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=root)
    packages = Path(
        called(python, "-c", "import site; print(site.getsitepackages()[0])", cwd=root).strip()
    )
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    return root


@pytest.fixture
def lumina(environment: Path) -> Path:
    return environment / "bin" / "lumina"


@pytest.mark.skipif(os.name == "nt", reason="scripts lie elsewhere")
def test_the_installed_wheel_trains_chats_checks_data_and_has_its_docs(
    lumina: Path, environment: Path, tmp_path: Path
) -> None:
    python = environment / "bin" / "python"
    where = called(python, "-c", "import lumina_cli; print(lumina_cli.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(environment)
    assert called(lumina, "--version", cwd=tmp_path).startswith("lumina ")
    assert "troubleshooting" in called(lumina, "docs", cwd=tmp_path)
    assert called(lumina, "docs", "data", cwd=tmp_path).startswith("# Data")
    pages = called(lumina, "docs", cwd=tmp_path).partition("\n\n")[0]
    for line in pages.splitlines():
        assert called(lumina, "docs", line.split()[0], cwd=tmp_path).startswith("# ")
    assert (environment / "share" / "man" / "man1" / "lumina.1").is_file()
    assert "conversations" in called(lumina, "data", "check", "starter", cwd=tmp_path)
    text = tmp_path / "text.txt"
    text.write_text("Once upon a time there was a town.\n" * 100, encoding="utf-8")
    tiny = ("--hidden-size", 16, "--num-layers", 1, "--nhead", 2, "--seq-length", 32)
    called(lumina, "train", "--data", text, *tiny, "--max-steps", 2, "-q", cwd=tmp_path)
    assert called(lumina, "info", cwd=tmp_path)
    called(lumina, "chat", "--prompt", "Hello", "--max-chars", 5, cwd=tmp_path)
