"""`lumina serve` as a program: how it starts, what it refuses, how it ends."""

import contextlib
import shutil
import signal
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="the extra [serve] is not installed")

from lumina_cli.recipes import server_packages
from tests.server.live import PATIENCE_S, wait_for

from .conftest import LETTERS, Lumina, write_model
from .serve_program import KEY, Program, program


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_server_answers_as_generate_does_takes_a_new_file_and_ends_when_asked(
    lumina: Lumina, letters_model: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.pth", tmp_path / "second.pth"
    for path in (first, second):
        shutil.copy(letters_model, path)
    with program("-m", first, "-m", second, LUMINA_API_KEY=KEY) as running:
        assert running.lines[-1].startswith("Serving first, second at http://127.0.0.1:")
        models = running.ask("/v1/models")["data"]
        assert [model["id"] for model in models] == ["first", "second"]
        assert models[0]["lumina"]["sampling"]["sampler"] == "top-k"
        assert models[0]["created"] == 1_767_323_045

        body = {"model": "second", "prompt": "abc", "seed": 7, "max_tokens": 40}
        said = running.ask("/v1/completions", body)["choices"][0]["text"]
        command = ("generate", "-m", str(second), "abc", "--seed", "7", "--max-chars", "40")
        assert lumina(*command).out == said + "\n"
        chat = {"messages": [{"role": "user", "content": "abc"}], "seed": 7, "max_tokens": 40}
        said = running.ask("/v1/chat/completions", {**chat, "truncate": True})
        command = ("chat", "-m", str(first), "--prompt", "abc", "--seed", "7", "--max-chars", "40")
        assert lumina(*command).out == said["choices"][0]["message"]["content"] + "\n"

        write_model(tmp_path / "new.pth", characters=LETTERS, sayable=range(262, 266))
        (tmp_path / "new.pth").replace(second)
        running.popen.send_signal(signal.SIGHUP)
        wait_for(lambda: any("second was loaded anew" in line for line in running.lines))
        text = running.ask("/v1/completions", body)["choices"][0]["text"]
        assert set(text) <= set(" abc")
        assert running.stop(signal.SIGTERM) == 128 + signal.SIGTERM
    assert KEY not in "".join(running.lines)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_second_ctrl_c_ends_it_at_once(letters_model: Path) -> None:
    with program("-m", letters_model, "--shutdown-grace-s", "3000") as running:
        body = {"prompt": "a", "max_tokens": 1_000_000}
        asking = threading.Thread(target=_ask, args=(running, body), daemon=True)
        asking.start()
        wait_for(lambda: "texts_running 1" in _metrics(running))
        running.popen.send_signal(signal.SIGINT)
        wait_for(lambda: not _metrics(running))  # it takes no more connections
        assert running.popen.poll() is None
        assert running.stop(signal.SIGINT) == 128 + signal.SIGINT


def _ask(running: Program, body: dict[str, Any]) -> None:
    with contextlib.suppress(OSError, ValueError):
        running.ask("/v1/completions", body)


def _metrics(running: Program) -> str:
    try:
        with urllib.request.urlopen(running.url_of("/metrics"), timeout=PATIENCE_S) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


@pytest.mark.parametrize(
    ("arguments", "code", "message", "hint"),
    [
        (["--host", "0.0.0.0"], 2, "no API key is set", "--api-key-file FILE or LUMINA_API_KEY"),
        (["--api-key-file", "missing.txt"], 66, "can't be read from missing.txt", "make one"),
        (["--cors-origin", "nonsense"], 2, "is not an origin", "--cors-origin https://"),
        (["--port", "70000"], 2, "port must be at most 65535 (from --port)", ""),
        (["--max-streams", "0"], 2, "max_streams must be at least 1 (from --max-streams)", ""),
        (["--sampler", "cold"], 2, "sampler must be", ""),
    ],
)
def test_what_can_not_be_meant_is_refused(
    lumina: Lumina,
    letters_model: Path,
    arguments: list[str],
    code: int,
    message: str,
    hint: str,
) -> None:
    outcome = lumina("serve", "-m", str(letters_model), "--port", "0", *arguments)
    assert outcome.code == code
    assert message in outcome.err
    assert hint in outcome.err
    assert outcome.out == ""


def test_a_model_that_is_not_there_is_told_with_what_to_do(lumina: Lumina) -> None:
    outcome = lumina("serve", "-m", "nothing/Model.pth")
    assert outcome.code == 66
    assert "there is no model nothing/Model.pth" in outcome.err
    assert "lumina train --preset demo" in outcome.err


def test_two_models_of_one_name_are_refused(lumina: Lumina, letters_model: Path) -> None:
    outcome = lumina("serve", "-m", str(letters_model), "-m", str(letters_model))
    assert outcome.code == 2
    assert "two models are called Model" in outcome.err


def test_missing_packages_are_told_with_how_to_get_them(
    lumina: Lumina, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_packages, "find_spec", lambda name: None)
    outcome = lumina("serve")
    assert outcome.code == 2
    assert "lumina serve needs packages that are not installed" in outcome.err
    assert "pip install starlette uvicorn" in outcome.err
