"""AdamW: torch's, on the parameters that decay and on those that don't."""

import pytest
import torch

from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.optim import adamw
from lumina_cli.core.training.optim.adamw import AdamW
from lumina_cli.core.training.optim.optimizers import build_optimizers
from lumina_cli.core.training.parallel.rank import ALONE, Rank
from tests.unit.core.training.conftest import tiny_model
from tests.unit.core.training.optim.apart import ApartRank, exchange


def step_without_gradient(
    config: TrainingConfig, *, lr_factor: float
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return all weights before and after a step in which only decay can act."""
    model = tiny_model()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(2.0)
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
    for _ in range(20):
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert mine.grad is not None
            mine.grad.copy_(torch.sin(10 * mine.detach() + 1))
            other.grad = 0.25 * torch.sin(10 * mine.detach() + 1)
        optimizers.step(lr_factor=0.5, grad_factor=0.25)
        reference.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=2e-6, atol=2e-7)


PARAMETERS: dict[str, tuple[list[int], list[int]]] = {
    "of a model": ([300, 77, 1000], [3, 250, 1]),
    "without decay": ([], [901]),
    "few of an adapter": ([20, 9], [4]),
    "two": ([2], []),
}
"""Sizes of parameters that decay, and of those that don't; units end at none of them."""


def adamw_of(name: str, *, rank: Rank = ALONE) -> AdamW:
    generator = torch.Generator().manual_seed(0)
    decayed, others = (
        [torch.nn.Parameter(torch.randn(size, generator=generator)) for size in sizes]
        for sizes in PARAMETERS[name]
    )
    return AdamW(
        decayed, others, learning_rate=3e-3, betas=(0.9, 0.95), weight_decay=0.1, rank=rank
    )


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("name", PARAMETERS)
def test_the_parts_of_ranks_are_to_the_bit_the_whole_of_one(
    name: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adamw, "SHARED_FROM", 0)
    generator = torch.Generator().manual_seed(1)
    alone = adamw_of(name)
    ranks = [adamw_of(name, rank=ApartRank(index, of=count)) for index in range(count)]
    for _ in range(6):
        gradients = torch.randn(len(alone.flat), generator=generator)
        for optimizer in (alone, *ranks):
            optimizer.flat.gradients.copy_(gradients)
            with torch.no_grad():
                optimizer.step(lr_factor=0.7)
        exchange([rank.flat for rank in ranks])
    assert torch.equal(torch.cat([rank.first for rank in ranks]), alone.first)
    assert torch.equal(torch.cat([rank.second for rank in ranks]), alone.second)
    assert all(torch.equal(rank.flat.values, alone.flat.values) for rank in ranks)
