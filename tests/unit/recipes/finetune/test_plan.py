"""What the plan of a run tells where it fine-tunes a model."""

from pathlib import Path
from typing import Any

import pytest

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.memory_estimate import num_parameters, num_trainable
from lumina_cli.core.model.peft_config import FULL_FINETUNING, PeftConfig
from lumina_cli.data.batches import Replay
from lumina_cli.recipes.finetune.base import Base, BaseLoss
from lumina_cli.recipes.finetune.new_characters import NewCharacters
from lumina_cli.recipes.finetune.plan import finetune_plan_rows, length_notices
from lumina_cli.recipes.finetune.replay import ReplayData
from lumina_cli.settings import BASE_PLACE, FINETUNE_CONFIGS, Settings, resolve_settings
from tests.unit.recipes.tiny import source_and_corpus, written

NO_CHARACTERS = NewCharacters("", {}, 2, expands=True)
SHAPE = {"hidden_size": 64, "num_layers": 2, "num_heads": 2, "seq_length": 16, "dropout": 0.0}


def settings(base: dict[str, Any] | None = None, **flags: Any) -> Settings:
    base = {**SHAPE, **(base or {})}
    return resolve_settings(FINETUNE_CONFIGS, flags=flags, environ={}, base=base)


def rows(given: Settings | None = None, **changes: Any) -> dict[str, str]:
    usual: dict[str, Any] = {
        "base": Base(Path("Base.pth"), "", 300, {}),
        "new_characters": NO_CHARACTERS,
        "replay_data": ReplayData(),
        "replay": None,
        "peft": FULL_FINETUNING,
    }
    return finetune_plan_rows(given or settings(), **{**usual, **changes})


def test_what_is_repeated_measured_or_neither_is_told(tmp_path: Path) -> None:
    _, corpus = source_and_corpus(written(tmp_path))
    old = ReplayData(("old.txt", "older.txt"), (corpus.train,), (corpus.validation,))
    told = rows(replay_data=old, replay=Replay(old.train, 0.8))["old text"]
    assert told == "old.txt, older.txt: 80% of each pass repeats it"
    assert rows(replay_data=old)["old text"] == "none is repeated; what is forgotten is measured"
    assert "--replay PATH" in rows()["old text"]


@pytest.mark.parametrize(
    ("loss", "told"),
    [
        (BaseLoss(1.25, 2.5), "new text 1.2500 nats a character, old text 2.5000 nats a character"),
        (BaseLoss(None, 2.5), "old text 2.5000 nats a character"),
        (BaseLoss(0.0, None), "new text 0.0000 nats a character"),
        (BaseLoss(), "nothing to measure with"),
    ],
)
def test_what_the_base_is_worth_is_told(loss: BaseLoss, told: str) -> None:
    assert rows(base=Base(Path("Base.pth"), "", 300, {}, loss))["before"] == told


def test_the_rate_is_told_with_why_it_is_higher_for_a_narrow_model() -> None:
    narrow = rows(settings({"learning_rate": 8e-4}))["learning rate"]
    assert narrow == "0.0008 (this model is 64 wide; 0.0001 is for 512 and more)"
    wide = settings({"learning_rate": 1e-4, "hidden_size": 512})
    assert rows(wide)["learning rate"] == "0.0001"
    assert rows(settings(learning_rate=3e-4))["learning rate"] == "0.0003"
    muon = settings(learning_rate=3e-4, optimizer="muon", muon_learning_rate=6e-4)
    assert rows(muon)["learning rate"] == "0.0003, 0.0006 in the layers (muon)"


@pytest.mark.parametrize(
    ("peft", "told"),
    [
        (PeftConfig(lora_rank=4), "adapters of rank 4: "),
        (PeftConfig(frozen_layers=1, num_new=3), "the upper layers and the head and rows of new"),
        (PeftConfig(frozen_layers=2), "the head: "),
    ],
    ids=["adapters", "upper layers", "head"],
)
def test_which_parts_learn_is_told_with_how_many_numbers(peft: PeftConfig, told: str) -> None:
    learns = rows(peft=peft)["learns"]
    config = settings().of(ModelConfig)
    vocab_size = 300 + peft.num_new
    assert learns.startswith(told)
    assert f"{num_trainable(config, vocab_size=vocab_size, peft=peft):,} of " in learns
    assert f"of {num_parameters(config, vocab_size=vocab_size):,} numbers" in learns
    assert ("lower layers are frozen" in learns) == bool(peft.frozen_layers)


def test_where_all_learns_that_is_not_told() -> None:
    assert "learns" not in rows()
    assert "learns" not in rows(peft=PeftConfig(num_new=3, keeps_start=True))


def test_another_window_and_a_text_shorter_than_one_are_told(tmp_path: Path) -> None:
    _, corpus = source_and_corpus(written(tmp_path))
    assert length_notices(settings(), corpus) == []
    (longer,) = length_notices(settings(seq_length=32), corpus)
    assert longer.startswith("the model will see 32 characters at once")
    (padded,) = length_notices(settings({"seq_length": 5_000}), corpus)
    assert padded == "the text is shorter than one window of 5,000 characters: the rest is padding"
    assert settings().sources["seq_length"] == BASE_PLACE
