"""Which engine reads for a model, and what a person is told."""

import sys

import pytest
import torch

from lumina_cli.core.config import ComputeConfig, EngineName
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.errors import LuminaError, UsageError
from lumina_cli.recipes.infer import engines as module
from lumina_cli.recipes.infer.engines import choose_reader, is_installed

needs_onnx = pytest.mark.skipif(not is_installed(), reason="needs the extra [fast]")


@pytest.fixture
def model() -> Transformer:
    config = ModelConfig(hidden_size=16, num_layers=1, num_heads=2, seq_length=16)
    generator = torch.Generator().manual_seed(0)
    return build_model(config, vocab_size=30, generator=generator).eval()


@pytest.fixture
def _not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "onnxruntime" else True)


class Broken:
    """Finds a package whose import fails."""

    def __init__(self, name: str, error: Exception) -> None:
        self._name, self._error = name, error

    def find_spec(self, name: str, *_: object) -> None:
        if name == self._name:
            raise self._error


def is_onnx(model: Transformer, *, engine: EngineName = "auto", **compute: object) -> bool:
    config = ComputeConfig.model_validate(compute)
    reader, notices = choose_reader(model, engine=engine, compute=config)
    assert notices == ()
    return reader is not model


@needs_onnx
def test_auto_takes_onnx_runtime_on_a_cpu_in_fp32(model: Transformer) -> None:
    assert is_onnx(model)
    assert is_onnx(model, precision="fp32")
    assert is_onnx(model, engine="onnx")
    assert not is_onnx(model, engine="torch")


def test_auto_takes_torch_for_what_only_torch_can_do(model: Transformer) -> None:
    assert not is_onnx(model, precision="bf16")
    assert not is_onnx(model, kernels="reference")


@pytest.mark.usefixtures("_not_installed")
def test_auto_takes_torch_where_onnx_runtime_is_not_installed(model: Transformer) -> None:
    assert not is_onnx(model)


@pytest.mark.usefixtures("_not_installed")
@pytest.mark.parametrize(
    ("engine", "precision", "what"),
    [
        ("onnx", "auto", "engine onnx"),
        ("auto", "int8", "precision int8"),
        ("onnx", "int8", "precision int8"),
    ],
)
def test_what_is_not_installed_is_told_with_how_to_install_it(
    model: Transformer, engine: EngineName, precision: str, what: str
) -> None:
    with pytest.raises(UsageError) as caught:
        is_onnx(model, engine=engine, precision=precision)
    assert caught.value.message == (f"{what} needs onnx and onnxruntime, which are not installed")
    assert caught.value.hint == "Install them: pip install onnx onnxruntime"


def test_what_does_not_go_together_is_refused_with_what_does(model: Transformer) -> None:
    with pytest.raises(UsageError, match="int8 is for ONNX Runtime, not for torch") as caught:
        is_onnx(model, engine="torch", precision="int8")
    assert "--engine onnx" in caught.value.hint
    with pytest.raises(UsageError, match="fp32 or int8, not in bf16") as caught:
        is_onnx(model, engine="onnx", precision="bf16")
    assert "--engine torch" in caught.value.hint
    with pytest.raises(UsageError, match="engine onnx is for the CPU, not for meta") as caught:
        is_onnx(model.to("meta"), engine="onnx")
    assert caught.value.hint == "Use: --device cpu, or without --engine"


@needs_onnx
def test_kernels_that_are_not_used_are_told(model: Transformer) -> None:
    config = ComputeConfig(kernels="reference")
    _, notices = choose_reader(model, engine="onnx", compute=config)
    assert notices == ("kernels has no effect with ONNX Runtime",)


@needs_onnx
def test_where_onnx_runtime_fails_torch_computes_and_says_so(
    model: Transformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lumina_cli.onnx import session

    def fail(*_: object, **__: object) -> None:
        raise Exception("[ONNXRuntimeError] : 9 : no such operation\nat line 7")

    monkeypatch.setattr(session.onnxruntime, "InferenceSession", fail)
    reader, notices = choose_reader(model, engine="auto", compute=ComputeConfig())
    assert reader is model
    assert notices == (
        "ONNX Runtime can't run this model: [ONNXRuntimeError] : 9 : no such operation; "
        "torch computes in its place",
    )
    with pytest.raises(LuminaError, match="no such operation") as caught:
        choose_reader(model, engine="onnx", compute=ComputeConfig())
    assert caught.value.hint == "Use: --engine torch --precision fp32"


@pytest.mark.parametrize(
    "error",
    [
        ImportError("libfoo.so is missing"),
        AttributeError("_ARRAY_API not found\nmore"),
        OSError("not a valid Win32 application"),
        SystemError("initialization failed"),
        RuntimeError(""),
    ],
    ids=lambda error: type(error).__name__,
)
def test_where_it_cannot_be_loaded_torch_computes(
    model: Transformer, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(module, "is_installed", lambda: True)
    monkeypatch.setattr(sys, "meta_path", [Broken("onnxruntime", error), *sys.meta_path])
    ours = [f"lumina_cli.onnx.{name}" for name in ("runtime", "session", "backend")]
    for name in ("onnxruntime", *ours):
        monkeypatch.delitem(sys.modules, name, raising=False)
    reader, notices = choose_reader(model, engine="auto", compute=ComputeConfig())
    assert reader is model
    says = str(error).partition("\n")[0] or "RuntimeError"
    assert notices == (f"onnxruntime can't be loaded: {says}; torch computes in its place",)
    for precision in ("fp32", "int8"):
        with pytest.raises(LuminaError, match="can't be loaded") as caught:
            is_onnx(model, engine="onnx", precision=precision)
        assert caught.value.hint == "Use: --engine torch --precision fp32"
