"""What is decayed, and at which learning rate."""

import pytest
import torch

from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.optim import muon
from lumina_cli.core.training.optim.optimizers import Optimizers, build_optimizers
from tests.unit.core.training.conftest import tiny_model


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


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_every_weight_and_its_gradient_lie_in_exactly_one_place(name: str) -> None:
    model = tiny_model()
    optimizers = build_optimizers(model, config=TrainingConfig.model_validate({"optimizer": name}))
    for parameter in model.parameters():
        assert parameter.grad is not None
        parameter.detach().fill_(1.0)
        parameter.grad.fill_(1.0)
    num_weights = sum(parameter.numel() for parameter in model.parameters())
    assert optimizers.grad_norm().item() == pytest.approx(num_weights**0.5)
    flats = [optimizers.adamw.flat]
    flats += optimizers.muon.flats.values() if optimizers.muon else []
    assert sum(len(flat) for flat in flats) == num_weights
    assert all(bool((flat.values == 1).all()) for flat in flats)


@pytest.mark.parametrize("name", ["adamw", "muon"])
def test_laying_parameters_end_to_end_changes_none(name: str) -> None:
    model, untouched = tiny_model(), tiny_model()
    build_optimizers(model, config=TrainingConfig.model_validate({"optimizer": name}))
    for mine, other in zip(model.parameters(), untouched.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_stretches_of_any_length_give_the_same_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def stepped() -> Optimizers:
        config = TrainingConfig(optimizer="muon", learning_rate=0.1)
        model = tiny_model()
        optimizers = build_optimizers(model, config=config)
        for parameter in model.parameters():
            assert parameter.grad is not None
            parameter.grad.copy_(torch.cos(7 * parameter.detach()))
        for _ in range(3):
            optimizers.step(lr_factor=1.0)
        return optimizers

    whole = stepped()
    monkeypatch.setitem(muon.STRETCH, "cpu", 300)
    pieces = stepped()
    torch.testing.assert_close(pieces.adamw.flat.values, whole.adamw.flat.values)
    for key, tensor in whole.state_dict().items():
        torch.testing.assert_close(pieces.state_dict()[key], tensor)


def test_a_state_goes_into_another_optimizer_and_never_into_one_of_another_shape() -> None:
    model, other = tiny_model(), tiny_model(seed=1)
    optimizers = build_optimizers(model, config=TrainingConfig())
    optimizers.step(lr_factor=1.0)
    optimizers.adamw.first.fill_(3.0)
    replica = build_optimizers(other, config=TrainingConfig())
    replica.load_state_dict(optimizers.state_dict(), num_steps=1)
    assert replica.num_steps == 1
    assert bool((replica.adamw.first == 3).all())
    with pytest.raises(RuntimeError):
        replica.load_state_dict({name: torch.ones(1) for name in replica.state_dict()}, num_steps=1)
    with pytest.raises(KeyError):
        replica.load_state_dict({}, num_steps=1)
