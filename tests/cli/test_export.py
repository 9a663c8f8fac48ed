"""`lumina export` on the command line."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Lumina


@pytest.fixture(autouse=True)
def _library() -> None:
    for library in ("onnx", "onnxruntime", "tokenizers"):
        pytest.importorskip(library, reason="it writes the export, or reads it again")


def test_the_path_is_the_answer_and_the_check_is_told(
    lumina: Lumina, letters_model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "folder"
    done = lumina("export", "--to", "onnx", "-m", str(letters_model), "-o", str(out))
    assert (done.code, done.out) == (0, f"{out}\n")
    assert "checked with onnxruntime" in done.err
    assert "the ids of 1,000 texts are equal" in done.err
    assert "largest differences on 64 windows: logits by" in done.err
    assert "nats per character" in done.err
    assert done.err.splitlines()[-1] == "How to load it in other programs: lumina docs export"


def test_json_tells_the_figures(lumina: Lumina, letters_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "folder"
    done = lumina("export", "--to", "onnx", "-m", str(letters_model), "-o", str(out), "--json")
    told = json.loads(done.out)
    assert (told["path"], told["dtype"]) == (str(out), "fp32")
    assert told["compared"]["logit"] < 0.01
    assert told["bytes"] == sum(path.stat().st_size for path in out.rglob("*.*"))


def test_what_stands_there_is_left_alone(
    lumina: Lumina, letters_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    done = lumina("export", "--to", "onnx", "-m", str(letters_model), "-o", str(tmp_path))
    assert (done.code, done.out) == (73, "")
    assert "is there already" in done.err
    assert len(done.err.splitlines()) == 2


def test_nothing_is_published_unless_somebody_agrees(
    lumina: Lumina, letters_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a word reaches the hub: there is none at its address."""
    for library in ("safetensors", "transformers"):
        pytest.importorskip(library, reason="it writes the export, or reads it again")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    out = tmp_path / "folder"
    arguments = ("export", "--to", "hf", "-m", str(letters_model), "-o", str(out))
    done = lumina(*arguments, "--push", "me/bot")
    assert done.code == 2
    assert "To be published at http://127.0.0.1:9/me/bot, private if it is new there:" in done.err
    assert "  model.safetensors (" in done.err
    assert done.err.splitlines()[-2:] == [
        "error: nothing was published",
        "To publish without a question: --yes",
    ]
    done = lumina("export", "--to", "gguf", "-m", str(letters_model), "--push", "me/bot")
    assert (done.code, "is for --to hf" in done.err) == (2, True)
