"""ONNX Runtime without its telemetry.

When it is imported it writes an id of the machine and a database of telemetry into the user's
cache folder, unless a variable says no.
"""

import os

OFF = "ORT_DISABLE_TELEMETRY"

os.environ.setdefault(OFF, "1")  # it looks on import, and never again

import onnxruntime  # noqa: E402

__all__ = ["onnxruntime"]
