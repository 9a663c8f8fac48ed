"""Settings that a person gave and that change nothing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lumina_cli.recipes.unused_settings import unused_lines, unused_settings
from lumina_cli.settings import (
    BASE_PLACE,
    FINETUNE_CONFIGS,
    TRAIN_CONFIGS,
    Settings,
    resolve_settings,
)
from tests.unit.recipes.tiny import CHAT, VERSE, source_and_corpus, written


def told(path: Path, *, settings: Settings | None = None, **flags: Any) -> list[str]:
    settings = settings or resolve_settings(TRAIN_CONFIGS, flags=flags, environ={})
    val_fraction = flags.get("val_fraction", 0.1)
    source, corpus = source_and_corpus(path, val_fraction=val_fraction)
    return unused_settings(settings, source=source, corpus=corpus, val_data=())


def names(lines: list[str]) -> list[str]:
    return [line.split()[0] for line in lines]


@pytest.mark.parametrize(
    ("flags", "unused"),
    [
        ({}, []),
        ({"weight_decay": 0.1}, []),
        ({"weight_decay": 0.1, "optimizer": "muon"}, ["weight_decay"]),
        ({"muon_learning_rate": 0.1}, ["muon_learning_rate"]),
        ({"muon_learning_rate": 0.1, "optimizer": "muon"}, []),
        ({"start_seq_length": 64, "seq_length": 64}, ["start_seq_length"]),
        ({"start_seq_length": 32, "seq_length": 64}, []),
        ({"oasst_lang": "de", "oasst_paths": "all"}, ["oasst_lang", "oasst_paths"]),
        ({"include_synthetic": True}, ["include_synthetic"]),
        ({"loss_on": "bot"}, ["loss_on"]),
        ({"vocab_size": 512}, ["vocab_size"]),
        ({"vocab_size": 512, "tokenizer": "bpe"}, []),
        ({"strip": "html"}, ["strip"]),
        ({"bot": ["Ben"], "gap": "1h", "anonymize": True}, ["bot", "gap"]),
        ({"patience": 3, "eval_chars": 5_000}, []),
        ({"patience": 3, "eval_chars": 5_000, "val_fraction": 0.0}, ["patience", "eval_chars"]),
    ],
    ids=str,
)
def test_each_is_told_where_nothing_looks_at_it(
    tmp_path: Path, flags: dict[str, Any], unused: list[str]
) -> None:
    assert names(told(written(tmp_path, VERSE), **flags)) == unused


def test_whose_words_count_matters_where_there_are_conversations(tmp_path: Path) -> None:
    assert told(written(tmp_path, CHAT), loss_on="bot") == []


def test_how_files_are_read_changes_nothing_on_the_starter_corpus(tmp_path: Path) -> None:
    source, corpus = source_and_corpus(written(tmp_path, CHAT))
    flags = {"encoding": "utf-8", "allow_skips": True}
    settings = resolve_settings(TRAIN_CONFIGS, flags=flags, environ={})
    starter = replace(source, names=("starter",))
    lines = unused_settings(settings, source=starter, corpus=corpus, val_data=())
    assert names(lines) == ["encoding", "allow_skips"]
    assert all("on the starter corpus (from --" in line for line in lines)
    assert unused_settings(settings, source=source, corpus=corpus, val_data=()) == []


def test_beside_validation_files_nothing_is_set_apart(tmp_path: Path) -> None:
    path = written(tmp_path)
    source, corpus = source_and_corpus(path)
    settings = resolve_settings(TRAIN_CONFIGS, flags={"val_fraction": 0.2}, environ={})
    for val_data, unused in (([], []), ([path], ["val_fraction"])):
        lines = unused_settings(settings, source=source, corpus=corpus, val_data=val_data)
        assert names(lines) == unused


def test_it_is_told_from_where_a_setting_comes_and_once() -> None:
    settings = resolve_settings(TRAIN_CONFIGS, flags={}, environ={"LUMINA_PATIENCE": "3"})
    twice = [("patience", "for one reason"), ("patience", "for another"), ("seed", "at all")]
    assert unused_lines(settings, twice) == [
        "patience has no effect for one reason (from LUMINA_PATIENCE)"
    ]


def test_what_a_preset_or_a_base_model_sets_is_not_told() -> None:
    demo = resolve_settings(TRAIN_CONFIGS, flags={}, environ={}, preset="demo")
    assert demo.sources["hidden_size"] == "preset demo"
    assert unused_lines(demo, [("hidden_size", "here")]) == []
    base = resolve_settings(FINETUNE_CONFIGS, flags={}, environ={}, base={"dropout": 0.3})
    assert base.sources["dropout"] == BASE_PLACE
    assert unused_lines(base, [("dropout", "here")]) == []
