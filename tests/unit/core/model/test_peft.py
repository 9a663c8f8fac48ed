"""Parts of a model that learn, and parts that stay as they are to the bit."""

import pytest
import torch

from lumina_cli.core.model.memory_estimate import num_trainable
from lumina_cli.core.model.peft import is_adapter, merge_lora
from lumina_cli.core.model.peft_config import FULL_FINETUNING, PeftConfig
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.optim.optimizers import build_optimizers
from tests.unit.core.model.tuning import (
    CONFIG,
    LAYER,
    VOCAB_SIZE,
    batch,
    changed,
    of_layer,
    plain,
    trained,
    tuned,
)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_frozen_layers_and_old_characters_below_them_stay_to_the_bit(optimizer: str) -> None:
    assert changed(PeftConfig(num_new=20, frozen_layers=2), optimizer=optimizer) == {
        *of_layer(LAYER, 2),
        "ln_f.weight",
        "ln_f.bias",
        "lm_head.weight",
        "lm_head.weight[new]",
        "wte.weight[new]",
    }


def test_everything_learns_where_nothing_is_said() -> None:
    model = tuned(FULL_FINETUNING)
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert merge_lora(model) is model


@pytest.mark.parametrize(
    "peft",
    [
        PeftConfig(num_new=9, lora_rank=4),
        PeftConfig(lora_rank=2, frozen_layers=2, lora_alpha=40.0),
        PeftConfig(num_new=9, frozen_layers=3),
    ],
)
def test_the_merged_model_computes_the_same(peft: PeftConfig) -> None:
    model = trained(peft).eval()
    idx = torch.from_numpy(batch().inputs)
    one = merge_lora(model)
    assert type(one.wte) is torch.nn.Embedding
    assert one.training == model.training
    torch.testing.assert_close(one(idx), model(idx), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "peft",
    [
        FULL_FINETUNING,
        PeftConfig(num_new=9, lora_rank=4),
        PeftConfig(num_new=9, lora_rank=4, frozen_layers=1),
        PeftConfig(num_new=9, frozen_layers=2),
        PeftConfig(frozen_layers=2),
        PeftConfig(lora_rank=3),
    ],
)
def test_the_optimizer_holds_what_learns_and_no_more(peft: PeftConfig) -> None:
    model = tuned(peft)
    state = build_optimizers(model, config=TrainingConfig()).state_dict()
    learning = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert learning == num_trainable(CONFIG, vocab_size=VOCAB_SIZE, peft=peft)
    assert sum(tensor.numel() for tensor in state.values()) == 2 * learning


def test_its_state_is_that_of_a_plain_model_with_adapters_beside_it() -> None:
    model = trained(PeftConfig(num_new=9, lora_rank=4))
    state = model.state_dict()
    weights = {name: tensor for name, tensor in state.items() if not is_adapter(name)}
    assert {name: t.shape for name, t in weights.items()} == {
        name: t.shape for name, t in plain().state_dict().items()
    }
    assert sum(map(is_adapter, state)) == 3 * 4 * 2
    other = tuned(PeftConfig(num_new=9, lora_rank=4))
    other.load_state_dict(state)
    idx = torch.from_numpy(batch().inputs)
    assert torch.equal(other(idx), model(idx))


def test_merging_draws_no_random_number() -> None:
    model = tuned(PeftConfig(lora_rank=4))
    before = torch.get_rng_state()
    merge_lora(model)
    assert torch.equal(torch.get_rng_state(), before)
