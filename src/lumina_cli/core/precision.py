"""Which number format the matrix products use; weights and optimizer stay in fp32."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal

import torch

from lumina_cli.core.config import PrecisionName
from lumina_cli.errors import UsageError


@dataclass(frozen=True, slots=True)
class Precision:
    """A number format and why it was chosen."""

    name: Literal["fp32", "bf16"]
    why: str
    device_type: str

    def autocast(self) -> AbstractContextManager[object]:
        """Return the context in which the model computes."""
        if self.name == "fp32":
            return nullcontext()
        return torch.autocast(self.device_type, dtype=torch.bfloat16)


def choose_precision(name: PrecisionName, *, device: torch.device) -> Precision:
    """Return the precision for a setting: bf16 where the hardware computes it natively."""
    native, reason = _native_bf16(device)
    if name == "auto":
        return Precision("bf16" if native else "fp32", reason, device.type)
    if name == "bf16" and device.type == "mps":
        raise UsageError("precision bf16 is not supported on mps", hint="Use: --precision fp32")
    asked = "as asked" if name == "fp32" or native else f"as asked, though {reason}"
    return Precision(name, asked, device.type)


def _native_bf16(device: torch.device) -> tuple[bool, str]:
    if device.type == "cuda":
        major, minor = torch.cuda.get_device_capability(device)
        native = major >= 8
        return native, f"compute capability {major}.{minor}" + ("" if native else " has no bf16")
    if device.type == "cpu":
        features = [name for name, there in _cpu_bf16_features().items() if there]
        return bool(features), f"the CPU has {' and '.join(features) or 'no native bf16'}"
    return False, f"{device.type} computes in fp32"


def _cpu_bf16_features() -> dict[str, bool]:
    # Older torch versions don't tell; then fp32 is the safe answer.
    tell: Callable[[], dict[str, bool]] = getattr(torch.cpu, "get_capabilities", dict)
    capabilities = tell()
    return {
        "AVX512_BF16": bool(capabilities.get("avx512_bf16")),
        "AMX": bool(capabilities.get("amx_bf16")),
    }
