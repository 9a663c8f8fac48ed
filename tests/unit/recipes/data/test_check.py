"""Looking at data before a training run."""

import json
from pathlib import Path

import pytest

from lumina_cli.conversation import Conversation, Message
from lumina_cli.data.config import DataConfig
from lumina_cli.errors import DataError, MissingInputError
from lumina_cli.recipes.data import check as module
from lumina_cli.recipes.data.check import Checked, Plan, check
from lumina_cli.tokenizer.config import TokenizerConfig
from tests.unit.recipes.tiny import VERSE, written

HELLO = Conversation((Message("user", "Hi"), Message("bot", "Hello")))


def checked(path: Path, **config: object) -> Checked:
    return check([path], config=DataConfig(**config), seq_length=16, batch_size=4)  # type: ignore[arg-type]


def test_the_plan_is_that_of_the_training_run(tmp_path: Path) -> None:
    found = checked(written(tmp_path))
    # 1,000 characters, <|begin|> and <|end|>; nine tenths are 901 ids, of which 900 are foretold:
    # 56 windows of 16, and one that is padded.
    assert found.stats.ids == 1_002
    assert found.plan == Plan(seq_length=16, batch_size=4, windows=57, steps_per_epoch=15)
    assert found.refusal is None
    assert checked(written(tmp_path), val_fraction=0.0).plan.windows == 63


def test_rows_that_are_skipped_are_counted_and_too_many_are_a_refusal(tmp_path: Path) -> None:
    good = json.dumps({"messages": [{"role": "user", "content": "Hi"},
                                    {"role": "assistant", "content": "Hello"}]})  # fmt: skip
    few = checked(written(tmp_path, (good + "\n") * 99 + "{broken\n", name="few.jsonl"))
    assert sum(tally.count for _, tally in few.report.skipped) == 1
    many = checked(written(tmp_path, (good + "\n") * 5 + "{broken\n" * 95, name="many.jsonl"))
    assert isinstance(many.refusal, DataError)
    assert many.stats.ids > 0  # it was read to the end all the same


def test_where_nothing_can_be_read_that_is_raised(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError):
        checked(tmp_path / "nowhere.txt")
    with pytest.raises((DataError, MissingInputError)):
        checked(written(tmp_path, "", name="empty.txt"))


def test_the_starter_corpus_is_looked_at_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module.starter, "conversations", lambda: [HELLO] * 30)
    found = checked(Path("starter"))
    assert found.report.rows == 30
    assert found.stats.ids == 30 * (1 + 1 + 2 + 1 + 1 + 5 + 1)  # with begin, two roles, two ends
    assert found.refusal is None
    written(tmp_path, VERSE, name="starter")
    assert checked(Path("starter")).stats.ids == 1_002


def test_how_the_text_would_be_cut_is_told_where_that_is_learnt(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    path = written(tmp_path, "the cat and the hat. " * 100)
    tokenizer = TokenizerConfig(tokenizer="bpe", vocab_size=300)
    found = check(
        [path], config=DataConfig(), seq_length=16, batch_size=4, tokenizer_config=tokenizer
    )
    assert found.cutting is not None
    assert found.cutting.to_json()["num_characters"] == len(set("the cat and the hat. "))
    assert (found.cutting.num_chars, found.cutting.num_in_bytes) == (2_100, 0)
    assert "".join(found.cutting.example) == ("the cat and the hat. " * 100)[:240]
    assert {" the", " cat"} <= set(found.cutting.example)
    assert found.report.characters == 2_100  # it is counted once, although it is read again
    assert found.plan.windows < checked(path).plan.windows / 2
    assert checked(path).cutting is None
