"""What a run learns from."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lumina_cli.data.corpus.corpus import Corpus
from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.errors import DataError
from lumina_cli.recipes.train import training_data as module
from lumina_cli.recipes.train.training_data import (
    TrainingData,
    read_training_data,
    validation_notices,
)
from tests.unit.recipes.tiny import CHAT, VERSE, source_and_corpus, tiny_settings, written


def read(path: Path, *val_data: Path, **flags: Any) -> TrainingData:
    return read_training_data(tiny_settings(**flags), data=[path], val_data=val_data)


def test_the_text_is_read_split_and_encoded(tmp_path: Path) -> None:
    found = read(written(tmp_path))
    assert found.source.names == (str(tmp_path / "text.txt"),)
    assert found.corpus.train_counts.chars == 900
    assert found.corpus.validation_counts.chars == 100
    assert found.fingerprint == found.source.fingerprint


def test_validation_files_are_measured_with_and_part_of_the_fingerprint(tmp_path: Path) -> None:
    path, other = written(tmp_path), written(tmp_path, VERSE[:500], name="other.txt")
    alone, both = read(path), read(path, other)
    assert both.corpus.train_counts.chars == len(VERSE)
    assert both.corpus.validation_counts.chars == 500
    assert both.val_data == (other,)
    assert both.fingerprint.startswith(alone.fingerprint)
    assert len(both.fingerprint) > len(alone.fingerprint)


@pytest.mark.parametrize(
    ("learnt", "told", "hint"),
    [
        (lambda text: TokenDataset(text.codes[:1], text.pairs, text.tokenizer), "little text", "-"),
        (
            lambda text: TokenDataset(text.codes, text.pairs & ~1, text.tokenizer),
            "the bot says nothing",
            "--loss-on all",
        ),
    ],
    ids=["one id", "nothing counts"],
)
def test_a_text_from_which_nothing_can_be_learnt_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    learnt: Callable[[TokenDataset], TokenDataset],
    told: str,
    hint: str,
) -> None:
    encode = module.encode_source

    def encoded(*args: Any, **options: Any) -> Corpus:
        corpus = encode(*args, **options)
        return replace(corpus, train=learnt(corpus.train))

    monkeypatch.setattr(module, "encode_source", encoded)
    with pytest.raises(DataError, match=told) as refused:
        read(written(tmp_path, CHAT))
    assert hint in refused.value.hint


@pytest.mark.parametrize(
    ("num_chars", "told"),
    [(20_000, None), (1_000, "validation has only 100 characters"), (2, "no validation text")],
)
def test_a_validation_text_too_small_to_mean_anything_is_told(
    tmp_path: Path, num_chars: int, told: str | None
) -> None:
    _, corpus = source_and_corpus(written(tmp_path, VERSE * 20, name="long.txt"))
    if num_chars < 20_000:
        short = (VERSE * 20)[:num_chars]
        val_fraction = 0.1 if num_chars > 2 else 0.0
        path = written(tmp_path, short, name="short.txt")
        _, corpus = source_and_corpus(path, val_fraction=val_fraction)
    notices = validation_notices(corpus)
    assert [told in notice for notice in notices] == [True] if told else notices == []


def test_what_is_unused_is_among_the_notices(tmp_path: Path) -> None:
    notices = read(written(tmp_path), oasst_lang="de").notices
    assert any("oasst_lang has no effect" in notice for notice in notices)


def test_a_vocabulary_too_small_for_a_text_is_told(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    text = "".join(chr(0x4E00 + 7 * number % 1000) for number in range(4_000))
    notices = read(written(tmp_path, text), tokenizer="bpe", vocab_size=300).notices
    assert any("an id stands for 0.3 characters only" in notice for notice in notices)


def test_a_vocabulary_smaller_than_was_asked_for_is_told(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    asked = {"tokenizer": "bpe", "vocab_size": 60_000}
    found = read(written(tmp_path, "one two. " * 40), **asked)
    told, _ = [notice for notice in found.notices if " ids" in notice]
    assert told.startswith(f"the text gives {found.corpus.tokenizer.vocab_size} ids")
    assert not [each for each in read(written(tmp_path)).notices if " ids" in each]
