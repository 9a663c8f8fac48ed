"""Which engine reads for a model: torch, or ONNX Runtime where it is faster."""

from importlib.util import find_spec

from lumina_cli.core.config import ComputeConfig, EngineName
from lumina_cli.core.inference.backends.backend import Backend
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.errors import LuminaError, UsageError
from lumina_cli.extras import install_command
from lumina_cli.onnx.errors import onnx_failed

Reader = Transformer | Backend
"""What an engine reads by: a model, by torch, or another backend."""

MODULES = ("onnx", "onnxruntime")
HALF = ("bf16", "fp16")


def choose_reader(
    model: Transformer, *, engine: EngineName, compute: ComputeConfig
) -> tuple[Reader, tuple[str, ...]]:
    """Return what reads for a model, and what there is to tell.

    Args:
        model: in `eval()` mode, on its device, in the type it computes in.
        engine: what was asked for; auto takes ONNX Runtime on a CPU, where it is installed, and
            torch where that fails.
        compute: tells whether int8 was asked for, which rounds the model's matrices in place.

    Raises:
        UsageError: what was asked for is not for this model's device or precision.
        LuminaError: ONNX Runtime is not installed, or fails.
    """
    is_int8 = compute.precision == "int8"
    if engine == "torch" and is_int8:
        raise UsageError(
            "precision int8 is for ONNX Runtime, not for torch",
            hint="Use: --engine onnx, or without --precision",
        )
    must_be_onnx = engine == "onnx" or is_int8
    if must_be_onnx:
        _refuse_what_onnx_cant(model, compute)
    elif engine == "torch" or not _would_take_onnx(model, compute):
        return model, ()
    has_kernels = compute.kernels == "reference"
    told = ("kernels has no effect with ONNX Runtime",) if has_kernels else ()
    try:
        return _onnx_backend(model, is_int8=is_int8), told
    except LuminaError as error:
        if must_be_onnx:
            raise
        return model, (f"{error.message}; torch computes in its place",)


def is_installed() -> bool:
    """Whether ONNX Runtime is there, and what writes its graphs."""
    return all(find_spec(module) for module in MODULES)


def _would_take_onnx(model: Transformer, compute: ComputeConfig) -> bool:
    is_plain = _device(model) == "cpu" and compute.precision not in HALF
    return is_plain and compute.kernels == "fast" and is_installed()


def _refuse_what_onnx_cant(model: Transformer, compute: ComputeConfig) -> None:
    asked = "precision int8" if compute.precision == "int8" else "engine onnx"
    if _device(model) != "cpu":
        raise UsageError(
            f"{asked} is for the CPU, not for {_device(model)}",
            hint=f"Use: --device cpu, or without --{asked.split()[0]}",
        )
    if compute.precision in HALF:
        raise UsageError(
            f"engine onnx computes in fp32 or int8, not in {compute.precision}",
            hint="Use: --precision fp32, or --engine torch",
        )
    if not is_installed():
        raise UsageError(
            f"{asked} needs onnx and onnxruntime, which are not installed",
            hint=f"Install them: {install_command('fast')}",
        )


def _device(model: Transformer) -> str:
    return model.wte.weight.device.type


def _onnx_backend(model: Transformer, *, is_int8: bool) -> Backend:
    try:
        from lumina_cli.onnx.session import onnx_backend  # noqa: PLC0415  optional
    except Exception as error:  # a broken or too old package fails in any way
        raise onnx_failed("onnxruntime can't be loaded", error) from error
    return onnx_backend(model, is_int8=is_int8)
