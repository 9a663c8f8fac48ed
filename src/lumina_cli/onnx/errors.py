"""What is told where ONNX Runtime fails; this module needs neither of its packages."""

from lumina_cli.errors import LuminaError

CANT_RUN = "ONNX Runtime can't run this model"


class OnnxFailedError(LuminaError):
    """ONNX Runtime can't be used."""


def onnx_failed(what: str, error: Exception) -> OnnxFailedError:
    """Return the error that tells what failed, with the first line of what ONNX Runtime says."""
    says = str(error).strip().splitlines() or [type(error).__name__]
    return OnnxFailedError(f"{what}: {says[0]}", hint="Use: --engine torch --precision fp32")
