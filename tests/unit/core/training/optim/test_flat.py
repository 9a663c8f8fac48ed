"""Parameters laid end to end stay what they are."""

import pytest
import torch

from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.optim.flat import part_bounds
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


@pytest.mark.parametrize(
    ("num", "count", "unit", "anew_at", "bounds"),
    [
        (100, 1, 64, 0, (0, 100)),
        (100, 4, 10, 0, (0, 20, 50, 70, 100)),
        (100, 2, 16, 37, (0, 37, 100)),
        (100, 2, 8, 37, (0, 45, 100)),
        (3, 4, 1, 0, (0, 0, 1, 2, 3)),
        (50, 3, 64, 20, (0, 0, 20, 50)),
        (0, 2, 64, 0, (0, 0, 0)),
    ],
)
def test_parts_begin_where_units_do(
    num: int, count: int, unit: int, anew_at: int, bounds: tuple[int, ...]
) -> None:
    assert part_bounds(num, count=count, unit=unit, anew_at=anew_at) == bounds
