"""What is decayed, and at which learning rate."""

import pytest
import torch

from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.optim import adamw, muon
from lumina_cli.core.training.optim.optimizers import Optimizers, build_optimizers
from tests.unit.core.training.conftest import tiny_model
from tests.unit.core.training.optim.apart import ApartRank


def test_chunks_of_any_length_give_the_same_step(monkeypatch: pytest.MonkeyPatch) -> None:
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
    monkeypatch.setitem(muon.CHUNK, "cpu", 300)
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


def state_bytes(optimizer: str, *, index: int = 0, of: int = 1) -> int:
    """What a rank remembers between two steps of a model of 16 wide, two layers."""
    config = TrainingConfig.model_validate({"optimizer": optimizer})
    optimizers = build_optimizers(tiny_model(), config=config, rank=ApartRank(index, of=of))
    return sum(part.own.nbytes for part in optimizers.state().values())


@pytest.mark.parametrize("of", [2, 3])
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_each_rank_remembers_its_part_alone(
    optimizer: str, of: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adamw, "SHARED_FROM", 0)
    whole = state_bytes(optimizer)
    parts = [state_bytes(optimizer, index=index, of=of) for index in range(of)]
    assert sum(parts) == whole
    # AdamW's are cut at units of 64 numbers, two for each; Muon's at one matrix of each shape.
    most_apart = 2 * 4 * 2 * 64 + (4 * (16 * 16 + 2 * 16 * 64) if optimizer == "muon" else 0)
    assert max(parts) - min(parts) <= most_apart


def test_adamw_of_few_parameters_is_whole_on_each_rank() -> None:
    assert state_bytes("adamw", index=1, of=2) == state_bytes("adamw")
    assert state_bytes("muon", index=1, of=2) < state_bytes("muon")
