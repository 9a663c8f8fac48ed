"""What a model learnt from before."""

from pathlib import Path
from typing import Any

import pytest

from lumina_cli.core.training.finetune_config import FinetuneConfig
from lumina_cli.data.config import DataConfig
from lumina_cli.recipes.data.sources import open_source
from lumina_cli.recipes.finetune.base import Base, base_of
from lumina_cli.recipes.finetune.replay import (
    NAME_IT,
    ReplayData,
    find_replay_data,
    replay_record,
    replay_records,
)
from lumina_cli.tokenizer.base import Tokenizer
from tests.unit.recipes.tiny import source_and_corpus, tiny_run, written


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return written(tmp_path, name="old.txt")


@pytest.fixture
def tokenizer(old: Path) -> Tokenizer:
    return source_and_corpus(old)[1].tokenizer


def base_that_learnt(*paths: Path, **metadata: Any) -> Base:
    folder = paths[0].parent
    records = [
        replay_record(
            open_source([path], config=DataConfig()),
            val_data=[],
            fingerprint=open_source([path], config=DataConfig()).fingerprint,
            config=DataConfig(),
            seed=0,
        )
        for path in paths
    ]
    return Base(folder / "Base.pth", "", 300, {"learnt_from": records, **metadata})


def found(base: Base, tokenizer: Tokenizer, replay: str = "auto") -> ReplayData:
    config = FinetuneConfig(replay=replay)
    return find_replay_data(base, config=config, data=DataConfig(), tokenizer=tokenizer)


def test_a_text_is_found_again_wherever_one_stands(
    old: Path, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    base = base_that_learnt(Path("old.txt"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    data = found(base, tokenizer)
    assert data.names == (str(old),)
    assert (len(data.train), len(data.validation), data.notices) == (1, 1, ())


def test_the_starter_corpus_is_recorded_by_its_name() -> None:
    source = open_source([Path("starter")], config=DataConfig())
    told = replay_record(source, val_data=[], fingerprint="", config=DataConfig(), seed=3)
    assert (told["paths"], told["seed"]) == (["starter"], 3)


def test_older_files_tell_names_alone() -> None:
    assert replay_records({}) == []
    told = {"trained_on": ["old.txt"], "loss_on": "all", "seed": 5}
    (record,) = replay_records(told)
    assert record == {"paths": ["old.txt"], "settings": {"loss_on": "all"}, "seed": 5}
    assert replay_records({"trained_on": ["old.txt"]})[0]["settings"] == {}
    assert replay_records({**told, "learnt_from": [{"paths": ["new.txt"]}]}) == [
        {"paths": ["new.txt"]}
    ]


def test_a_text_that_has_changed_is_told_and_read_only_where_it_is_named(
    old: Path, tokenizer: Tokenizer
) -> None:
    base = base_that_learnt(old)
    written(old.parent, "the dog sat " * 90, name="old.txt")
    data = found(base, tokenizer)
    assert data.train == ()
    assert "it has changed since" in data.notices[0]
    assert f"--replay {old}" in data.notices[0]
    assert len(found(base, tokenizer, str(old)).train) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda record: record.pop("paths"),
        lambda record: record.pop("settings"),
        lambda record: record.update(settings={"format": "of the year 2040"}),
        lambda record: record.update(paths=5),
        lambda record: record.update(seed="many"),
        lambda record: record.update(paths=["nowhere.txt"]),
    ],
)
def test_a_text_that_cannot_be_found_is_told_and_the_others_are_used(
    old: Path, tokenizer: Tokenizer, spoil: Any
) -> None:
    base = base_that_learnt(old, old)
    spoil(base.metadata["learnt_from"][0])
    data = found(base, tokenizer)
    assert len(data.train) == 1
    (notice,) = data.notices
    assert notice.startswith("a text that Base.pth learnt from is not at hand: ")
    alone = base_that_learnt(old)
    spoil(alone.metadata["learnt_from"][0])
    assert found(alone, tokenizer).notices[-1] == NAME_IT
    assert NAME_IT not in found(alone, tokenizer, "off").notices


def test_named_text_is_repeated_and_the_bases_own_measured(
    old: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    named = written(tmp_path, "the log and the mat " * 60, name="named.txt")
    base = base_that_learnt(old)
    own, data = found(base, tokenizer), found(base, tokenizer, str(named))
    assert data.names == (str(named),)
    assert len(data.train[0]) != len(own.train[0])
    assert [len(text) for text in data.validation] == [len(text) for text in own.validation]


def test_the_sample_beside_the_base_is_measured_where_its_text_is_gone(
    tmp_path: Path, tokenizer: Tokenizer
) -> None:
    from lumina_cli.core.checkpoint.model_file import load_model

    list(tiny_run(tmp_path).run())
    loaded = load_model(tmp_path / "Model.pth")
    base = base_of(tmp_path / "Model.pth", loaded)
    (tmp_path / "text.txt").unlink()
    data = found(base, loaded.tokenizer)
    assert (data.train, len(data.validation)) == ((), 1)
    assert any("on the sample that is kept beside it" in notice for notice in data.notices)
