"""The page as text; what it does is shown in test_browser.py."""

import hashlib
import json
import re
from io import BytesIO
from pathlib import Path

import pytest

from lumina_cli.browser.model_json import model_json
from lumina_cli.browser.signed import is_signed
from lumina_cli.errors import UsageError
from lumina_cli.export.web import export
from lumina_cli.export.web.page import one_page, page_folder, page_script, runtime
from lumina_cli.tokenizer.bpe.tokenizer import BpeTokenizer
from lumina_cli.tokenizer.bpe.words import PATTERN
from tests.unit.export.tiny_exports import tiny_export, tiny_file

MODEL = {"model.json": b"{}", "model.onnx": b"graph"}


def test_the_runtime_is_the_one_of_the_npm_package() -> None:
    """Digests of the three files, taken from the package by hand."""
    digests = {
        "ort.wasm.min.js": "faece07e84faa9001f5104bbe4e5c70861d06cb2376a0dea1fa0ad33a67adc81",
        "ort-wasm-simd-threaded.mjs": (
            "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b"
        ),
    }
    for name, digest in digests.items():
        assert hashlib.sha256(runtime(name)).hexdigest() == digest
    assert runtime("ort-wasm-simd-threaded.wasm").startswith(b"\0asm")


def test_one_page_may_connect_to_nothing_and_names_no_address() -> None:
    page = one_page(MODEL, name="<b>Tom & Co</b>").decode()
    assert "connect-src 'none'" in page
    assert "<title>&lt;b&gt;Tom &amp; Co&lt;/b&gt;</title>" in page
    assert not re.search(r"https?://", page_script())
    assert "MIT License" in page


def test_the_modules_are_one_script() -> None:
    script = page_script()
    assert not re.search(r"^(import|export) ", script, re.MULTILINE)
    for name in ("class Tokenizer", "class Engine", "class Chat", "function sample"):
        assert script.count(f"{name}") == 1


def test_a_page_knows_whether_it_was_changed() -> None:
    page = one_page(MODEL, name="Model")
    assert is_signed(BytesIO(page))
    assert not is_signed(BytesIO(page.replace(b"Say something", b"Say anything!")))
    assert not is_signed(BytesIO(page[:-1]))
    assert not is_signed(BytesIO(b""))


def test_a_folder_has_the_same_parts_as_files() -> None:
    folder = page_folder(MODEL, name="Model")
    assert set(folder) == {
        "index.html",
        "model.json",
        "model.onnx",
        "ort-wasm-simd-threaded.mjs",
        "ort-wasm-simd-threaded.wasm",
        "ort.wasm.min.js",
        "page.js",
    }
    assert b"'unsafe-inline' blob:" not in folder["index.html"]


def test_the_page_is_told_the_shape_and_the_sampler() -> None:
    told = json.loads(model_json(tiny_file(), name="Model"))
    assert (told["seqLength"], told["numLayers"], told["numHeads"], told["headSize"]) == (
        24, 2, 2, 16,
    )  # fmt: skip
    assert (told["firstByte"], told["special"]["end"]) == (6, 5)
    assert told["texts"][1] == "a"
    assert told["sampling"]["sampler"] == "greedy"
    assert "diary" not in json.dumps(told)


def test_what_cuts_text_into_pieces_is_told() -> None:
    told = json.loads(model_json(tiny_file(BpeTokenizer("ab", [("a", "b")])), name="Model"))
    assert (told["texts"], told["merges"]) == (["a", "b", "ab"], [["a", "b"]])
    assert told["splitPattern"] == PATTERN
    told = json.loads(model_json(tiny_file(), name="Model"))
    assert (told["merges"], told["splitPattern"]) == ([], None)


def test_a_model_too_large_for_a_browser_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnx", reason="the graph is written by onnx")
    monkeypatch.setattr(export, "MAX_PAGE_BYTES", 20_000)
    with pytest.raises(UsageError, match="a browser takes 0 MB at most") as caught:
        export.export_web(tiny_export(tiny_file()), tmp_path / "Model.html")
    assert caught.value.hint == "Use: --dtype int8, or --folder, or --to onnx"
    assert list(tmp_path.iterdir()) == []
