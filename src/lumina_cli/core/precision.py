"""Which number format the matrix products use; weights and optimizer stay in fp32."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal

import torch

from lumina_cli.core.config import PrecisionName
from lumina_cli.errors import UsageError

SkipReason = Literal["not finite", "overflow"]
"""Why a step was not done."""


@dataclass(frozen=True, slots=True)
class Precision:
    """A number format and why it was chosen."""

    name: Literal["fp32", "bf16", "fp16"]
    why: str
    device_type: str

    def autocast(self) -> AbstractContextManager[object]:
        """Return the context in which the model computes."""
        if self.name == "fp32":
            return nullcontext()
        dtype = torch.bfloat16 if self.name == "bf16" else torch.float16
        return torch.autocast(self.device_type, dtype=dtype)


class LossScale:
    """What the loss is multiplied by so that small gradients don't vanish in fp16.

    It halves when a gradient overflows and doubles after a long time without; for other
    formats it is 1.
    Source: Micikevicius et al. 2018, "Mixed Precision Training", section 3.2.
    """

    FIRST = 65_536.0
    DOUBLE_AFTER = 2_000

    def __init__(self, precision: Precision) -> None:
        self.value = self.FIRST if precision.name == "fp16" else 1.0
        self.good_steps = 0
        self._is_used = precision.name == "fp16"

    def step_done(self) -> None:
        """Count a step whose gradient was finite."""
        if not self._is_used:
            return
        self.good_steps += 1
        if self.good_steps >= self.DOUBLE_AFTER:
            self.value, self.good_steps = 2 * self.value, 0

    def skip(self) -> SkipReason:
        """Say why a gradient is not finite: overflow, for which the scale is halved, or worse."""
        self.good_steps = 0
        if self.value <= 1:
            return "not finite"
        self.value /= 2
        return "overflow"


def choose_precision(name: PrecisionName, *, device: torch.device) -> Precision:
    """Return the precision for a setting: bf16 where the hardware computes it natively.

    GPUs too old for bf16 take fp16, with a scaled loss.

    Raises:
        UsageError: it is not for training, or not for this device.
    """
    if name == "int8":
        raise UsageError(
            "precision int8 is for chat, generate and eval, not for training",
            hint="Train without --precision, then talk with: lumina chat --precision int8",
        )
    native, reason = _native_bf16(device)
    if name == "auto":
        chosen: Literal["fp32", "bf16", "fp16"] = "bf16" if native else "fp32"
        if device.type == "cuda" and not native:
            chosen = "fp16"
        return Precision(chosen, reason, device.type)
    if name != "fp32" and device.type == "mps":
        raise UsageError(f"precision {name} is not supported on mps", hint="Use: --precision fp32")
    if name == "fp16" and device.type == "cpu":
        raise UsageError(
            "a CPU only emulates fp16, which is many times slower than fp32",
            hint="Use: --precision auto",
        )
    asked = "as asked" if name != "bf16" or native else f"as asked, though {reason}"
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
