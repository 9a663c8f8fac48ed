"""What is told where ONNX Runtime fails; this module needs neither of its packages."""

from lumina_cli.errors import LuminaError


class OnnxFailedError(LuminaError):
    """ONNX Runtime can't be used: what it says, in one line.

    Args:
        what: failed.
        error: why.
    """

    def __init__(self, what: str, error: Exception) -> None:
        says = str(error).strip().splitlines() or [type(error).__name__]
        super().__init__(f"{what}: {says[0]}", hint="Use: --engine torch --precision fp32")


class OnnxCantRunError(OnnxFailedError):
    """ONNX Runtime can't run a model."""

    def __init__(self, error: Exception) -> None:
        super().__init__("ONNX Runtime can't run this model", error)
