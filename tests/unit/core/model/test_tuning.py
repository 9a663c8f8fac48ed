"""Parts of a model that learn, and parts that stay as they are to the bit."""

import pytest
import torch

from lumina_cli.core.model.accounting import num_trainable
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.core.model.tuning import is_adapter, merged, tune
from lumina_cli.core.model.tuning_config import EVERYTHING, Tuning
from lumina_cli.core.precision import choose_precision
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.optim import build_optimizers
from lumina_cli.core.training.step import Stepper
from lumina_cli.data.batches import Batch

VOCAB_SIZE = 300
CONFIG = ModelConfig(hidden_size=32, num_layers=3, num_heads=2, seq_length=16, dropout=0.0)


def plain() -> Transformer:
    generator = torch.Generator().manual_seed(0)
    return build_model(CONFIG, vocab_size=VOCAB_SIZE, generator=generator).train()


def tuned(tuning: Tuning) -> Transformer:
    return tune(plain(), tuning, generator=torch.Generator().manual_seed(1))


def batch(*, low: int = 6) -> Batch:
    ids = torch.randint(low, VOCAB_SIZE, (4, 17), generator=torch.Generator().manual_seed(2))
    numbers = ids.numpy()
    return Batch(numbers[:, :-1], numbers[:, 1:], numbers[:, 1:] > 0)


def trained(tuning: Tuning, *, optimizer: str = "adamw", steps: int = 3) -> Transformer:
    model = tuned(tuning)
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


def changed(tuning: Tuning, **options: str) -> set[str]:
    """Return the names of the weights that training has changed; `name[new]` for new rows."""
    before, after = plain().state_dict(), merged(trained(tuning, **options)).state_dict()
    assert before.keys() == after.keys()
    names = set()
    for name, old in before.items():
        new, rows = after[name], len(old)
        if tuning.num_new and name in ("wte.weight", "lm_head.weight"):
            rows -= tuning.num_new
            names |= {f"{name}[new]"} if not torch.equal(new[rows:], old[rows:]) else set()
        names |= {name} if not torch.equal(new[:rows], old[:rows]) else set()
    return names


LAYER = {name for name in plain().state_dict() if name.startswith("h.0.")}
MATRICES = {name for name in LAYER if "c_" in name and name.endswith("weight")}


def of_layer(names: set[str], number: int) -> set[str]:
    return {name.replace("h.0.", f"h.{number}.") for name in names}


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_frozen_layers_and_old_characters_below_them_stay_to_the_bit(optimizer: str) -> None:
    assert changed(Tuning(num_new=20, frozen_layers=2), optimizer=optimizer) == {
        *of_layer(LAYER, 2),
        "ln_f.weight",
        "ln_f.bias",
        "lm_head.weight",
        "lm_head.weight[new]",
        "wte.weight[new]",
    }


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_adapters_change_matrices_and_new_characters_alone(optimizer: str) -> None:
    assert changed(Tuning(num_new=20, lora_rank=4), optimizer=optimizer) == {
        *(name for number in range(3) for name in of_layer(MATRICES, number)),
        "lm_head.weight[new]",
        "wte.weight[new]",
    }


def test_adapters_beside_frozen_layers_stand_in_the_others() -> None:
    assert changed(Tuning(frozen_layers=1, lora_rank=4)) == {
        *of_layer(MATRICES, 1),
        *of_layer(MATRICES, 2),
    }


def test_everything_learns_where_nothing_is_said() -> None:
    model = tuned(EVERYTHING)
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert merged(model) is model


@pytest.mark.parametrize("tuning", [Tuning(num_new=9, lora_rank=4), Tuning(lora_rank=2)])
def test_a_model_with_fresh_adapters_computes_what_it_did(tuning: Tuning) -> None:
    idx = torch.from_numpy(batch().inputs)
    torch.testing.assert_close(tuned(tuning)(idx), plain()(idx))


@pytest.mark.parametrize(
    "tuning",
    [
        Tuning(num_new=9, lora_rank=4),
        Tuning(lora_rank=2, frozen_layers=2, lora_alpha=40.0),
        Tuning(num_new=9, frozen_layers=3),
    ],
)
def test_the_merged_model_computes_the_same(tuning: Tuning) -> None:
    model = trained(tuning).eval()
    idx = torch.from_numpy(batch().inputs)
    one = merged(model)
    assert type(one.wte) is torch.nn.Embedding
    assert one.training == model.training
    torch.testing.assert_close(one(idx), model(idx), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "tuning",
    [
        EVERYTHING,
        Tuning(num_new=9, lora_rank=4),
        Tuning(num_new=9, lora_rank=4, frozen_layers=1),
        Tuning(num_new=9, frozen_layers=2),
        Tuning(frozen_layers=2),
        Tuning(lora_rank=3),
    ],
)
def test_the_optimizer_holds_what_learns_and_no_more(tuning: Tuning) -> None:
    model = tuned(tuning)
    state = build_optimizers(model, config=TrainingConfig()).state()
    learning = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert learning == num_trainable(CONFIG, vocab_size=VOCAB_SIZE, tuning=tuning)
    assert sum(tensor.numel() for tensor in state.values()) == 2 * learning


def test_its_state_is_that_of_a_plain_model_with_adapters_beside_it() -> None:
    model = trained(Tuning(num_new=9, lora_rank=4))
    state = model.state_dict()
    weights = {name: tensor for name, tensor in state.items() if not is_adapter(name)}
    assert {name: t.shape for name, t in weights.items()} == {
        name: t.shape for name, t in plain().state_dict().items()
    }
    assert sum(map(is_adapter, state)) == 3 * 4 * 2
    other = tuned(Tuning(num_new=9, lora_rank=4))
    other.load_state_dict(state)
    idx = torch.from_numpy(batch().inputs)
    assert torch.equal(other(idx), model(idx))


def test_merging_draws_no_random_number() -> None:
    model = tuned(Tuning(lora_rank=4))
    before = torch.get_rng_state()
    merged(model)
    assert torch.equal(torch.get_rng_state(), before)
