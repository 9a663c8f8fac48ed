"""What this machine offers."""

import json
from pathlib import Path

import pytest
import torch

from lumina_cli.recipes.infer import machine_info as module
from lumina_cli.recipes.infer.machine_info import machine_info


def test_it_tells_what_training_would_use_as_plain_values(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LUMINA_CACHE_DIR", str(tmp_path))
    told = machine_info()
    json.dumps(told, allow_nan=False)
    assert told["threads"] == torch.get_num_threads()
    assert told["cache"] == str(tmp_path)
    assert "cpu" in str(told["devices"])
    assert told["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]  # type: ignore[index]
    assert set(told["versions"]) == set(module.PACKAGES)  # type: ignore[call-overload]
    assert told["precision_why"]


def test_what_is_missing_is_told_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    assert machine_info()["missing"] == [
        "prompt_toolkit (line editing in the chat: pip install prompt_toolkit)",
        "onnxruntime (faster replies on a CPU: pip install onnx onnxruntime)",
        "tokenizers (subwords, learnt by train: pip install tokenizers)",
    ]
    monkeypatch.setattr(module, "find_spec", lambda _: object())
    assert machine_info()["missing"] == []


def test_a_package_that_is_not_here_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PACKAGES", ("torch", "no-such-package-of-ours"))
    versions = machine_info()["versions"]
    assert isinstance(versions, dict)
    assert versions["no-such-package-of-ours"] is None
    assert versions["torch"]
