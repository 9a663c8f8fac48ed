"""The optimizer: AdamW that decays matrices only."""

import torch
from torch import nn

from lumina_cli.core.training.config import TrainingConfig


def build_optimizer(model: nn.Module, *, config: TrainingConfig) -> torch.optim.AdamW:
    """Return AdamW in which vectors (biases, norms) are not pulled to zero.

    Source: Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization".
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    betas = (config.beta1, config.beta2)
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=betas, fused=True)
