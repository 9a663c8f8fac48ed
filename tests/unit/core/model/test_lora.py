"""Low-rank adapters begin as nothing, and are merged into the matrices they stand beside."""

import pytest
import torch

from lumina_cli.core.model.peft_config import PeftConfig
from tests.unit.core.model.tuning import (
    LAYER,
    batch,
    changed,
    of_layer,
    plain,
    tuned,
)

MATRICES = {name for name in LAYER if "c_" in name and name.endswith("weight")}


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


@pytest.mark.parametrize("peft", [PeftConfig(num_new=9, lora_rank=4), PeftConfig(lora_rank=2)])
def test_a_model_with_fresh_adapters_computes_what_it_did(peft: PeftConfig) -> None:
    idx = torch.from_numpy(batch().inputs)
    torch.testing.assert_close(tuned(peft)(idx), plain()(idx))
