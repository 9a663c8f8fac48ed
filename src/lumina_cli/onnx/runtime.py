"""ONNX Runtime without its telemetry.

When it is imported it gives the machine a name, in a file in the user's cache folder, and begins
to report to its maker, unless a variable says no.
"""

import os

OFF = "ORT_DISABLE_TELEMETRY"

os.environ.setdefault(OFF, "1")  # it looks on import, and never again

import onnxruntime  # noqa: E402

__all__ = ["onnxruntime"]
