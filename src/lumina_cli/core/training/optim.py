"""The optimizer: AdamW, and where it is asked for Muon on the matrices of the layers."""

from typing import Any

import torch
from torch import nn

from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.muon import Muon


class Optimizers:
    """One optimizer or two that step as one.

    Each parameter group carries its own highest learning rate (`peak_lr`); the schedule
    scales them all by the same factor.
    """

    def __init__(self, *optimizers: torch.optim.Optimizer) -> None:
        self.optimizers = optimizers
        for group in self._groups():
            group["peak_lr"] = group["lr"]

    def step(self, *, lr_factor: float) -> None:
        """Do one step at a share of the highest learning rates."""
        for group in self._groups():
            group["lr"] = group["peak_lr"] * lr_factor
        for optimizer in self.optimizers:
            optimizer.step()

    def zero_grad(self) -> None:
        """Drop the gradients and give back their memory."""
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)

    def _groups(self) -> list[dict[str, Any]]:
        return [group for optimizer in self.optimizers for group in optimizer.param_groups]


def build_optimizers(model: nn.Module, *, config: TrainingConfig) -> Optimizers:
    """Return AdamW that decays matrices only; with Muon it keeps what Muon is not for.

    Muon takes the matrices inside the layers; embedding, head, biases and norms stay with
    AdamW, without decay.
    Source: Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization".
    """
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    if config.optimizer == "adamw":
        matrices = [p for _, p in named if p.dim() >= 2]
        vectors = [p for _, p in named if p.dim() < 2]
        return Optimizers(
            _adamw(matrices, config=config, weight_decay=config.weight_decay, rest=vectors)
        )
    in_layers = [(name, p) for name, p in named if name.startswith("h.") and p.dim() >= 2]
    taken = {id(p) for _, p in in_layers}
    rest = [p for _, p in named if id(p) not in taken]
    groups: list[dict[str, Any]] = [
        {"params": [p for n, p in in_layers if n.endswith("c_attn.weight")], "parts": 3},
        {"params": [p for n, p in in_layers if not n.endswith("c_attn.weight")]},
    ]
    return Optimizers(
        Muon(groups, lr=config.muon_learning_rate),
        _adamw(rest, config=config, weight_decay=0.0),
    )


def _adamw(
    parameters: list[nn.Parameter],
    *,
    config: TrainingConfig,
    weight_decay: float,
    rest: list[nn.Parameter] | None = None,
) -> torch.optim.AdamW:
    groups = [
        {"params": parameters, "weight_decay": weight_decay},
        {"params": rest or [], "weight_decay": 0.0},
    ]
    betas = (config.beta1, config.beta2)
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=betas, fused=True)
