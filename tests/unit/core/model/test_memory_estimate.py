"""Size and memory from the shape alone."""

from dataclasses import replace

import pytest
import torch

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.memory_estimate import (
    BLOCK_WORKSPACE_BYTES,
    WORKSPACE_BYTES,
    num_parameters,
    training_memory,
    weight_shapes,
)
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.optim.optimizers import build_optimizers


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("hidden", [8, 64])
@pytest.mark.parametrize("vocab_size", [262, 300])
def test_the_formula_counts_the_weights_there_are(
    layers: int, hidden: int, vocab_size: int
) -> None:
    config = ModelConfig(hidden_size=hidden, num_layers=layers, num_heads=2)
    with torch.device("meta"):
        model = Transformer(config, vocab_size=vocab_size)
    counted = sum(parameter.numel() for parameter in model.parameters())
    assert num_parameters(config, vocab_size=vocab_size) == counted


def test_the_defaults_with_100_ids_are_19_million_parameters() -> None:
    # 6 layers of 12·512² + 13·512, two embeddings of 100·512, the last norm of 2·512
    expected = 6 * (12 * 512**2 + 13 * 512) + 2 * 100 * 512 + 2 * 512
    assert num_parameters(ModelConfig(), vocab_size=100) == expected == 19_017_728


def test_adamw_takes_four_numbers_a_weight() -> None:
    memory = training_memory(ModelConfig(), vocab_size=100, batch_size=1)
    assert memory.weights + memory.gradients + memory.optimizer == 4 * 4 * 19_017_728


def test_activations_grow_with_the_batch_and_nothing_else_does() -> None:
    one = training_memory(ModelConfig(), vocab_size=100, batch_size=1)
    eight = training_memory(ModelConfig(), vocab_size=100, batch_size=8)
    assert eight.activations - WORKSPACE_BYTES == pytest.approx(
        8 * (one.activations - WORKSPACE_BYTES)
    )
    assert eight.total - one.total == eight.activations - one.activations


def test_in_a_half_format_each_thread_has_its_weights_once_more() -> None:
    alone, shared = (
        training_memory(ModelConfig(), vocab_size=100, batch_size=4, half=True, num_workers=count)
        for count in (1, 2)
    )
    assert shared.activations - alone.activations == alone.weights // 2 + BLOCK_WORKSPACE_BYTES


def test_the_estimate_of_activations_covers_what_autograd_keeps() -> None:
    config = ModelConfig(hidden_size=64, num_layers=3, num_heads=4, seq_length=64)
    model = Transformer(config, vocab_size=300).train()
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        logits = model(torch.randint(300, (4, 64)))
        loss = torch.log_softmax(logits, dim=-1).sum()
    assert loss.requires_grad
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    measured = sum(size for pointer, size in kept.items() if pointer not in weights)
    estimated = training_memory(config, vocab_size=300, batch_size=4).activations - WORKSPACE_BYTES
    assert measured <= estimated <= 1.6 * measured  # what a backward pass needs comes on top


def test_weight_shapes_are_those_of_a_model() -> None:
    for position_encoding in ("sinusoidal", "rotary"):
        config = ModelConfig(
            hidden_size=24, num_layers=3, num_heads=2, position_encoding=position_encoding
        )
        model = Transformer(config, vocab_size=300)
        shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
        assert weight_shapes(config, vocab_size=300) == shapes


def test_muon_keeps_one_number_for_each_weight_of_its_matrices() -> None:
    config = ModelConfig(hidden_size=8, num_layers=3, num_heads=2, seq_length=16)
    both = {
        name: training_memory(config, vocab_size=20, batch_size=2, optimizer=name).optimizer
        for name in ("adamw", "muon")
    }
    model = build_model(config, vocab_size=20, generator=torch.Generator())
    for name, expected in both.items():
        training = TrainingConfig.model_validate({"optimizer": name})
        states = build_optimizers(model, config=training).state_dict().values()
        assert 4 * sum(state.numel() for state in states) == expected


def test_the_cache_is_that_of_keys_and_values_and_counts_where_it_is_larger() -> None:
    config = ModelConfig(hidden_size=8, num_layers=3, num_heads=2, seq_length=16)
    memory = training_memory(config, vocab_size=20, batch_size=2)
    # 3 layers, keys and values, 16 positions, 8 numbers of 4 bytes
    assert memory.cache == 3 * 2 * 16 * 8 * 4
    lasting = memory.weights + memory.gradients + memory.optimizer
    assert memory.total == lasting + memory.activations
    assert replace(memory, activations=0).total == lasting + memory.cache
