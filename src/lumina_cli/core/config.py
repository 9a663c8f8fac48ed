"""What the model computes on (no torch)."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

DeviceName = Literal["auto", "cpu", "cuda", "mps"]
KernelsName = Literal["fast", "reference"]
EngineName = Literal["auto", "torch", "onnx"]
PrecisionName = Literal["auto", "fp32", "bf16", "fp16", "int8"]


class ComputeConfig(BaseModel):
    """What the model computes on, and in which number format."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    device: DeviceName = Field(
        "auto", description="Device to compute on; auto uses a GPU if there is one."
    )
    precision: PrecisionName = Field(
        "auto",
        description="Number format; auto is bf16 in training and eval where the hardware "
        "computes in it, else fp32. int8 is for chat, generate and eval on a "
        "CPU, by ONNX Runtime: faster for large models, hardly worse.",
    )
    kernels: KernelsName = Field(
        "fast",
        description="Kernels: fast forms of the model's parts, or the plain reference forms.",
    )
    threads: int | None = Field(None, ge=1, le=1024, description="Number of CPU threads.")


class EngineConfig(BaseModel):
    """What computes where a model says or predicts text."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    engine: EngineName = Field(
        "auto",
        description="Engine: torch, or onnx for ONNX Runtime on a CPU, about twice as fast. "
        "auto takes ONNX Runtime where it is installed; texts and figures are the same.",
    )
