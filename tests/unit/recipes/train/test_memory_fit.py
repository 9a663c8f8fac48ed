"""Fitting a run into memory before it starts."""

import pytest
import torch

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.memory_estimate import training_memory
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.parallel.rank import SingleProcess
from lumina_cli.errors import OutOfMemoryError
from lumina_cli.recipes.train.memory_fit import MARGIN, Fit, fit_to_memory, num_parts

MODEL = ModelConfig()


def need(batch_size: int, *, activation_checkpointing: bool = False) -> int:
    memory = training_memory(
        MODEL,
        vocab_size=350,
        batch_size=batch_size,
        activation_checkpointing=activation_checkpointing,
    )
    return int(memory.total / MARGIN) + 1


def fit(available_bytes: int | None, **settings: object) -> Fit:
    config = TrainingConfig.model_validate(settings)
    return fit_to_memory(config, MODEL, vocab_size=350, available_bytes=available_bytes, half=False)


def test_enough_memory_changes_nothing() -> None:
    assert fit(need(16)) == Fit(TrainingConfig(micro_batch_size=16))
    assert fit(None) == Fit(TrainingConfig())


def test_steps_are_done_in_pieces_that_fit() -> None:
    result = fit(need(4) + 1_000_000)
    assert result.config.micro_batch_size == 4
    assert "4 windows" in result.notices[0]


def test_muon_needs_less_than_adamw() -> None:
    just_too_little = need(16) - 60_000_000  # of 76 MB that its matrices have less
    assert fit(just_too_little).config.micro_batch_size == 8
    assert fit(just_too_little, optimizer="muon").config.micro_batch_size == 16


def test_workers_need_gradients_of_their_own() -> None:
    just_too_little = need(8) + 60_000_000  # of 76 MB that one's gradients have
    pieces = [
        fit_to_memory(
            TrainingConfig(micro_batch_size=8),
            MODEL,
            vocab_size=350,
            available_bytes=just_too_little,
            half=False,
            num_workers=workers,
        ).config.micro_batch_size
        for workers in (1, 2)
    ]
    assert pieces == [8, 4]


def test_auto_takes_as_many_as_fit() -> None:
    assert fit(need(40), micro_batch_size="auto", grad_accum=4).config.micro_batch_size == 32
    assert fit(need(40), grad_accum=4).config.micro_batch_size == 16


def test_activations_are_computed_twice_before_giving_up() -> None:
    result = fit(need(1, activation_checkpointing=True) + 1_000)
    assert result.config.activation_checkpointing
    assert "twice" in result.notices[-1]


def test_what_can_not_fit_is_told_with_settings_that_would() -> None:
    with pytest.raises(OutOfMemoryError, match="needs") as caught:
        fit(200_000_000)
    words = caught.value.hint.split()
    shape = {
        name: int(words[words.index(flag) + 1])
        for name, flag in {
            "hidden_size": "--hidden-size",
            "num_layers": "--num-layers",
            "num_heads": "--nhead",
            "seq_length": "--seq-length",
        }.items()
    }
    memory = training_memory(
        ModelConfig(**shape), vocab_size=350, batch_size=1, activation_checkpointing=True
    )
    assert memory.total <= 200_000_000 * MARGIN


def test_a_part_of_the_state_needs_less() -> None:
    whole, part = (
        training_memory(MODEL, vocab_size=350, batch_size=1, num_state_parts=count)
        for count in (1, 4)
    )
    assert part.optimizer == pytest.approx(whole.optimizer / 4, abs=1)
    assert whole.total - part.total == whole.optimizer - part.optimizer


@pytest.mark.parametrize(
    ("optimizer", "num_trained", "device", "parts"),
    [
        ("adamw", 1 << 25, "cuda", 4),
        ("adamw", 19_000_000, "cuda", 1),
        ("muon", 19_000_000, "cuda", 4),
        ("muon", 19_000_000, "cpu", 1),  # the first has the whole beside its part while it saves
    ],
)
def test_gpus_share_the_state_of_large_models(
    optimizer: str, num_trained: int, device: str, parts: int
) -> None:
    class OfFour(SingleProcess):
        world_size = 4

    config = TrainingConfig.model_validate({"optimizer": optimizer})
    found = num_parts(config, num_trained=num_trained, device=torch.device(device), rank=OfFour())
    assert found == parts
