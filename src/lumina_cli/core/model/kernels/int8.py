"""Linear maps with weights of one byte: a quarter of the memory to fetch for each character.

Weights are rounded to 255 steps, each output with a scale of its own; what comes in is
rounded likewise, from the least number of a row to its largest, so that a row's result doesn't
depend on which rows stand beside it (one that is alone may have other steps). Products are
summed in whole numbers. Embedding, norms and head stay in fp32.
Source: Dettmers et al. 2022, "LLM.int8()", section 2.1 (vector-wise quantization).

R rows, C inputs, N outputs.
"""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lumina_cli.core.model.transformer import Block, Transformer
from lumina_cli.errors import UsageError

LARGEST = 127
_SMALLEST = 1e-20

Multiply = Callable[[Tensor], Tensor]
"""From rows to their products with the weights, plus bias."""


class Int8Linear(nn.Module):
    """A linear map, rounded; the bias stays as it was."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach()  # (N, C)
        self._bias = linear.bias.detach()
        self._multiply_one: Multiply | None = None
        rounded, scale = _rounded(weight, by_pairs=not _has_vnni())
        packed = _packed(rounded, scale, self._bias)
        if packed is not None:
            self._multiply, self._multiply_one = packed
        else:
            rounded, scale = _rounded(weight, by_pairs=False)
            self._multiply = _plain(rounded, scale, self._bias)
        self._sums = rounded.sum(dim=1) * scale

    def forward(self, x: Tensor) -> Tensor:
        """Return what the linear map makes of x, (..., C)."""
        rows = x if x.dim() == 2 else x.reshape(-1, x.size(-1))
        y = self.of_rows(len(rows))(rows)
        return y if x.dim() == 2 else y.view(*x.shape[:-1], -1)

    def of_rows(self, num_rows: int) -> Multiply:
        """Return the map for exactly so many rows, (R, C), without the detours of `forward`."""
        if num_rows == 1 and self._multiply_one is not None:
            return self._multiply_one
        return self._multiply_rows

    def _multiply_rows(self, rows: Tensor) -> Tensor:
        """Multiply what lies around the middle of each row, and the middle by itself.

        The middle is a whole number of steps, so that 0 stays 0: most numbers behind a GELU
        lie close to it, and would all be rounded the same way.
        """
        low, high = rows.amin(dim=1, keepdim=True), rows.amax(dim=1, keepdim=True)
        step = ((high - low) / (2 * LARGEST - 1)).clamp_min_(_SMALLEST)
        middle = ((low + high) / (2 * step)).round_().mul_(step)
        reach = step * LARGEST
        y = self._multiply((rows - middle).div_(reach))
        return torch.lerp(self._bias, y, reach).addcmul_(middle, self._sums)


def quantize(model: Transformer) -> None:
    """Round the linear maps of all layers, in place: for talking and measuring only.

    Raises:
        UsageError: the model is not on a CPU.
    """
    assert not model.training, "a rounded model can't be trained"
    device = model.wte.weight.device.type
    if device != "cpu":
        raise UsageError(
            f"precision int8 is for the CPU, not for {device}",
            hint="Use: --device cpu, or without --precision",
        )
    for layer in model.h:
        assert isinstance(layer, Block)
        for part in (layer.attn, layer.mlp):
            for name, linear in list(part.named_children()):
                assert isinstance(linear, nn.Linear)
                setattr(part, name, Int8Linear(linear))


def is_quantized(model: Transformer) -> bool:
    """Whether the linear maps of a model are rounded."""
    layer = model.h[0]
    return isinstance(layer, Block) and isinstance(layer.mlp.c_fc, Int8Linear)


def _rounded(weight: Tensor, *, by_pairs: bool) -> tuple[Tensor, Tensor]:
    """Return weights in whole steps, (N, C), and the step of each output, (N,).

    By pairs, two neighbours of one sign together are no more than 128 steps: without VNNI
    FBGEMM sums their products in 16 bits, and what comes in is up to 255.
    """
    largest = weight.abs().amax(dim=1)
    if by_pairs:
        for signed in (weight, -weight):
            padded = F.pad(signed.clamp_min(0), (0, weight.size(1) % 2))
            sums = padded.view(len(weight), -1, 2).sum(dim=2).amax(dim=1)
            largest = torch.maximum(largest, sums)
    scale = largest.clamp_min(_SMALLEST) / LARGEST
    return (weight / scale.unsqueeze(1)).round().to(torch.int8), scale


def _packed(rounded: Tensor, scale: Tensor, bias: Tensor) -> tuple[Multiply, Multiply] | None:
    """Return the products of rows between −1 and 1, and of one row, as FBGEMM does them.

    None where there is no FBGEMM: torch means to give up what it needs. It finds the steps of a
    single row itself.
    """
    operations: Any = torch.ops.quantized
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            zeros = torch.zeros(len(scale), dtype=torch.long)
            weight = torch._make_per_channel_quantized_tensor(rounded, scale.double(), zeros, 0)
            packed = operations.linear_prepack(weight, bias)
        # By `op` they start several microseconds sooner: torch looks for what else may be among
        # the arguments otherwise.
        multiply = operations.linear_with_input_q_dq_qweight_dq_output_fp32.default.op
        multiply_one = operations.linear_dynamic.default.op
        multiply(rounded[:1].float() / LARGEST, 1 / LARGEST, LARGEST + 1, packed)
        multiply_one(rounded[:1].float(), packed)
    except (AttributeError, RuntimeError):
        return None
    return (
        lambda rows: multiply(rows, 1 / LARGEST, LARGEST + 1, packed),
        lambda row: multiply_one(row, packed),
    )


def _plain(rounded: Tensor, scale: Tensor, bias: Tensor) -> Multiply:
    """Return the products of rows between −1 and 1 by an operation that every torch has."""
    weight = rounded.t()

    def multiply(rows: Tensor) -> Tensor:
        steps = (rows * LARGEST).round_().clamp_(-LARGEST, LARGEST).to(torch.int8)
        return torch.addcmul(bias, torch._int_mm(steps, weight), scale, value=1 / LARGEST)

    return multiply


def _has_vnni() -> bool:
    """Whether FBGEMM sums in 32 bits. Of the ways a processor may have VNNI it knows one."""
    # Older torch versions don't tell; then no is the safe answer.
    tell: Callable[[], dict[str, Any]] = getattr(torch.cpu, "get_capabilities", dict)
    return bool(tell().get("avx512_vnni"))
