"""What `--data` names, and what is told of it."""

import gzip
import json
from pathlib import Path

import pytest

from lumina_cli.data.config import DataConfig
from lumina_cli.recipes.data.sources import (
    contamination,
    encode_source,
    open_source,
    own_validation,
)

ROWS = [{"user": f"Question {i}?", "bot": f"Answer {i}."} for i in range(40)]


def write_rows(path: Path, *, broken: int = 0) -> Path:
    lines = [json.dumps(row) for row in ROWS] + ["{"] * broken
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_starter_names_the_corpus_in_the_package() -> None:
    source = open_source([Path("starter")], config=DataConfig())
    assert source.is_starter
    assert len(list(source.read())) > 10_000


def test_a_file_called_starter_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("starter").write_text("just a text", encoding="utf-8")
    assert len(list(open_source([Path("starter")], config=DataConfig()).read())) == 1


def test_what_reading_met_is_told_at_every_opening(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", broken=1)
    for _ in range(2):  # encoded anew, then from the cache
        source = open_source([path], config=DataConfig())
        issues = encode_source(source, config=DataConfig(), seed=0).issues
        assert len(issues) == 1
        assert issues[0].startswith("1 skipped: ")
        assert issues[0].endswith(f"first at {path}:41")


def test_a_fetched_data_set_brings_its_own_validation(tmp_path: Path) -> None:
    for name in ("train.jsonl", "validation.jsonl"):
        write_rows(tmp_path / name)
    assert own_validation([tmp_path]) == ([tmp_path], [])
    (tmp_path / "dataset.json").write_text("{}", encoding="utf-8")
    assert own_validation([tmp_path]) == (
        [tmp_path / "train.jsonl"],
        [tmp_path / "validation.jsonl"],
    )


def test_validation_data_that_is_trained_on_is_told(tmp_path: Path) -> None:
    train, other = write_rows(tmp_path / "a.jsonl"), write_rows(tmp_path / "b.jsonl")
    different = write_rows(tmp_path / "c.jsonl", broken=1)
    assert [line.split()[0] for line in contamination([train], [other, different])] == [str(other)]


def test_validation_documents_are_only_measured_with(tmp_path: Path) -> None:
    train = tmp_path / "train.txt"
    train.write_text("abc" * 50, encoding="utf-8")
    validation = tmp_path / "validation.txt.gz"
    validation.write_bytes(gzip.compress(b"xyz" * 50))
    config = DataConfig()
    corpus = encode_source(
        open_source([train], config=config),
        config=config,
        seed=0,
        validation=open_source([validation], config=config),
    )
    assert corpus.train_counts.chars == 150
    assert corpus.tokenizer.decode(corpus.validation.slice(0, 200).ids.tolist()) == "xyz" * 50
