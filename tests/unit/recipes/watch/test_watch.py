"""`lumina watch`, up to where the server takes over, and as a program."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from lumina_cli.errors import MissingInputError, UsageError
from lumina_cli.recipes import server_packages
from lumina_cli.recipes.server_packages import require_packages
from lumina_cli.recipes.watch.shelf import RunShelf
from lumina_cli.recipes.watch.watch import check_folder, watch
from tests.unit.recipes.watch.runs import started, step, write_run

SOURCE = Path(__file__).parents[4] / "src"


def test_a_folder_of_runs_is_looked_for_in_it_and_of_a_run_around_it(tmp_path: Path) -> None:
    run = write_run(tmp_path, [started()])
    assert check_folder(tmp_path) == check_folder(run) == tmp_path.resolve()
    with pytest.raises(MissingInputError, match="no folder"):
        check_folder(tmp_path / "gone")
    with pytest.raises(UsageError, match="is no folder"):
        check_folder(run / "metrics.jsonl")


def test_without_its_packages_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_packages, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="lumina watch needs packages") as caught:
        require_packages("watch")
    assert caught.value.hint == "Install them: pip install starlette uvicorn"


@pytest.mark.parametrize(
    ("flags", "hides"),
    [({}, False), ({"cors_origin": ["https://a.example"]}, True),
     ({"host": "0.0.0.0", "no_auth": True}, True)],
)  # fmt: skip
def test_prompts_are_shown_to_the_person_at_this_machine_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: dict[str, object], *, hides: bool
) -> None:
    serving = pytest.importorskip("lumina_cli.server.http.serving", reason="needs extra [serve]")
    runs_app = pytest.importorskip("lumina_cli.server.runs.app", reason="needs extra [serve]")
    shelves: list[RunShelf] = []
    monkeypatch.setattr(runs_app, "make_watch_app", lambda shelf, **_: shelves.append(shelf))
    monkeypatch.setattr(serving.HttpServer, "__init__", lambda *_, **__: None)
    monkeypatch.setattr(serving.HttpServer, "run_until_stopped", lambda _: None)
    quiet = {"notice": lambda _: None, "on_started": lambda _: None}
    watch(tmp_path, flags=flags, environ={}, toml=None, **quiet)
    assert [shelf.hides_text for shelf in shelves] == [hides]


def test_the_command_loads_no_torch() -> None:
    code = (
        "import sys, lumina_cli.cli.commands.watch, lumina_cli.server.runs.app;"
        " sys.exit('torch' in sys.modules)"
    )
    pytest.importorskip("uvicorn", reason="the extra [serve] is not installed")
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert done.returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_it_serves_the_runs_of_a_folder_until_ctrl_c(tmp_path: Path) -> None:
    pytest.importorskip("uvicorn", reason="the extra [serve] is not installed")
    write_run(tmp_path, [started(), step(1, 2.0)])
    popen = subprocess.Popen(
        [sys.executable, "-m", "lumina_cli", "watch", str(tmp_path), "--port", "0"],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert popen.stderr is not None
        line = popen.stderr.readline()
        url = next(word for word in line.split() if word.startswith("http"))
        with urllib.request.urlopen(f"{url}/api/runs", timeout=20) as answer:
            assert [run["name"] for run in json.load(answer)["runs"]] == ["Model.run"]
        popen.send_signal(signal.SIGINT)
        assert popen.wait(20) == 130
    finally:
        popen.kill()
        popen.wait()
