"""Parts of a model that learn, and parts that stay as they are to the bit."""

import pytest
import torch

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.memory_estimate import num_trainable
from lumina_cli.core.model.peft import apply_peft, is_adapter, merge_lora
from lumina_cli.core.model.peft_config import FULL_FINETUNING, PeftConfig
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.core.precision import choose_precision
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.optim.optimizers import build_optimizers
from lumina_cli.core.training.step.stepper import Stepper
from lumina_cli.data.batches import Batch

VOCAB_SIZE = 300
CONFIG = ModelConfig(hidden_size=32, num_layers=3, num_heads=2, seq_length=16, dropout=0.0)


def plain() -> Transformer:
    generator = torch.Generator().manual_seed(0)
    return build_model(CONFIG, vocab_size=VOCAB_SIZE, generator=generator).train()


def tuned(peft: PeftConfig) -> Transformer:
    return apply_peft(plain(), peft, generator=torch.Generator().manual_seed(1))


def batch(*, low: int = 6) -> Batch:
    ids = torch.randint(low, VOCAB_SIZE, (4, 17), generator=torch.Generator().manual_seed(2))
    numbers = ids.numpy()
    return Batch(numbers[:, :-1], numbers[:, 1:], numbers[:, 1:] > 0)


def trained(peft: PeftConfig, *, optimizer: str = "adamw", steps: int = 3) -> Transformer:
    model = tuned(peft)
    config = TrainingConfig.model_validate(
        {"optimizer": optimizer, "learning_rate": 0.01, "weight_decay": 0.1}
    )
    stepper = Stepper(
        model,
        build_optimizers(model, config=config),
        precision=choose_precision("fp32", device=torch.device("cpu")),
        grad_clip=1.0,
        label_smoothing=0.0,
        micro_batch_size=4,
    )
    for _ in range(steps):
        stepper.step(batch(), lr_factor=1.0)
    return model


def changed(peft: PeftConfig, **options: str) -> set[str]:
    """Return the names of the weights that training has changed; `name[new]` for new rows."""
    before, after = plain().state_dict(), merge_lora(trained(peft, **options)).state_dict()
    assert before.keys() == after.keys()
    names = set()
    for name, old in before.items():
        new, rows = after[name], len(old)
        if peft.num_new and name in ("wte.weight", "lm_head.weight"):
            rows -= peft.num_new
            names |= {f"{name}[new]"} if not torch.equal(new[rows:], old[rows:]) else set()
        names |= {name} if not torch.equal(new[:rows], old[:rows]) else set()
    return names


LAYER = {name for name in plain().state_dict() if name.startswith("h.0.")}
MATRICES = {name for name in LAYER if "c_" in name and name.endswith("weight")}


def of_layer(names: set[str], number: int) -> set[str]:
    return {name.replace("h.0.", f"h.{number}.") for name in names}


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


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_adapters_change_matrices_and_new_characters_alone(optimizer: str) -> None:
    assert changed(PeftConfig(num_new=20, lora_rank=4), optimizer=optimizer) == {
        *(name for number in range(3) for name in of_layer(MATRICES, number)),
        "lm_head.weight[new]",
        "wte.weight[new]",
    }


def test_adapters_beside_frozen_layers_stand_in_the_others() -> None:
    assert changed(PeftConfig(frozen_layers=1, lora_rank=4)) == {
        *of_layer(MATRICES, 1),
        *of_layer(MATRICES, 2),
    }


def test_everything_learns_where_nothing_is_said() -> None:
    model = tuned(FULL_FINETUNING)
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert merge_lora(model) is model


@pytest.mark.parametrize("peft", [PeftConfig(num_new=9, lora_rank=4), PeftConfig(lora_rank=2)])
def test_a_model_with_fresh_adapters_computes_what_it_did(peft: PeftConfig) -> None:
    idx = torch.from_numpy(batch().inputs)
    torch.testing.assert_close(tuned(peft)(idx), plain()(idx))


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
