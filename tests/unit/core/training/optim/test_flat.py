"""Parameters laid end to end stay what they are."""

import pytest
import torch

from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.optim.optimizers import build_optimizers
from tests.unit.core.training.conftest import tiny_model


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
