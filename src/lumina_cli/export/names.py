"""What can be asked for (no torch: the command line reads it from here)."""

from typing import Literal

TargetName = Literal["hf", "gguf", "onnx", "web", "lumina"]
Dtype = Literal["fp32", "fp16", "bf16", "int8", "q8_0"]
