"""Low-rank adapters: small matrices that learn beside the large ones that don't.

Source: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models".

R rank of the adapters.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lumina_cli.core.model.transformer import Block

ADAPTER_NAMES = ("lora_a", "lora_b")


class LoRALinear(nn.Module):
    """A linear map that stays as it is, and a correction of low rank that learns.

    It begins as the map it stands for: one of the two factors is zero.

    Args:
        linear: the map; its weights are taken over.
        rank: R.
        alpha: strength of the correction, divided by the rank.
        generator: of the other factor.
    """

    def __init__(
        self, linear: nn.Linear, *, rank: int, alpha: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        num_out, num_in = linear.weight.shape
        self.scale = alpha / rank
        self.weight = nn.Parameter(linear.weight.detach(), requires_grad=False)
        self.bias = nn.Parameter(linear.bias.detach(), requires_grad=False)
        spread = torch.randn(rank, num_in, generator=generator) / num_in**0.5
        self.lora_a = nn.Parameter(spread.to(self.weight.device))
        self.lora_b = nn.Parameter(torch.zeros(num_out, rank, device=self.weight.device))

    def forward(self, x: Tensor) -> Tensor:
        low = F.linear(x, self.lora_a) * self.scale  # (..., R)
        y = F.linear(x, self.weight, self.bias)
        return y.add_(F.linear(low, self.lora_b))  # in place: three of its size would be many

    def merged_weight(self) -> Tensor:
        """Return the one matrix that does the same."""
        return self.weight + self.scale * (self.lora_b @ self.lora_a)


def apply_lora(layer: Block, *, rank: int, alpha: float, generator: torch.Generator) -> None:
    """Put adapters beside the four matrices of a layer."""
    for part, name in (
        (layer.attn, "c_attn"),
        (layer.attn, "c_proj"),
        (layer.mlp, "c_fc"),
        (layer.mlp, "c_proj"),
    ):
        linear = getattr(part, name)
        setattr(part, name, LoRALinear(linear, rank=rank, alpha=alpha, generator=generator))
