"""What is decayed, and at which learning rate."""

import torch

from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.optim import Optimizers, build_optimizers
from tests.unit.core.training.conftest import tiny_model


def step_without_gradient(
    config: TrainingConfig, *, lr_factor: float
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return all weights before and after a step in which only decay can act."""
    model = tiny_model()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(2.0)
            parameter.grad = torch.zeros_like(parameter)
    build_optimizers(model, config=config).step(lr_factor=lr_factor)
    return [(torch.full_like(p, 2.0), p.detach()) for p in model.parameters()]


def test_matrices_are_pulled_to_zero_and_vectors_are_not() -> None:
    config = TrainingConfig(learning_rate=0.5, weight_decay=0.1)
    for before, after in step_without_gradient(config, lr_factor=0.2):
        expected = before * (1 - 0.5 * 0.2 * 0.1) if before.dim() == 2 else before
        torch.testing.assert_close(after, expected)


def test_a_step_is_torchs_adamw_with_our_betas() -> None:
    ours, theirs = tiny_model(), tiny_model()
    config = TrainingConfig(learning_rate=1e-2, weight_decay=0.1, beta1=0.8, beta2=0.9)
    reference = torch.optim.AdamW(
        [
            {"params": [p for p in theirs.parameters() if p.dim() == 2], "weight_decay": 0.1},
            {"params": [p for p in theirs.parameters() if p.dim() == 1], "weight_decay": 0.0},
        ],
        lr=5e-3,
        betas=(0.8, 0.9),
        foreach=False,
    )
    optimizers = build_optimizers(ours, config=config)
    for _ in range(3):
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            mine.grad = torch.sin(10 * mine.detach() + 1)
            other.grad = torch.sin(10 * other.detach() + 1)
        optimizers.step(lr_factor=0.5)
        reference.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other)


def test_every_weight_is_in_exactly_one_optimizer() -> None:
    for name in ("adamw", "muon"):
        model = tiny_model()
        config = TrainingConfig.model_validate({"optimizer": name})
        taken = [
            id(parameter)
            for optimizer in build_optimizers(model, config=config).optimizers
            for group in optimizer.param_groups
            for parameter in group["params"]
        ]
        assert sorted(taken) == sorted(map(id, model.parameters()))


def test_each_optimizer_keeps_its_own_highest_learning_rate() -> None:
    first = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    second = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    optimizers = Optimizers(first, second)
    for lr_factor in (0.5, 0.25):
        optimizers.step(lr_factor=lr_factor)
        assert first.param_groups[0]["lr"] == 1.0 * lr_factor
        assert second.param_groups[0]["lr"] == 0.1 * lr_factor
