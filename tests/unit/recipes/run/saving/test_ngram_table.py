"""Statistics of the text, kept in the model's file."""

import random
from pathlib import Path

import numpy as np
import pytest

from lumina_cli.core.model.memory_estimate import num_parameters
from lumina_cli.recipes.run.saving import ngram_table as module
from lumina_cli.recipes.run.saving.ngram_table import build_draft
from tests.unit.recipes.tiny import source_and_corpus, tiny_model, written


def test_they_take_at_most_a_tenth_of_the_weights(tmp_path: Path) -> None:
    text = "".join(random.Random(0).choices("abcdefghij", k=20_000))
    _, corpus = source_and_corpus(written(tmp_path, text))
    tokenizer = corpus.tokenizer
    config = tiny_model(tokenizer.vocab_size).config
    draft = build_draft(corpus.train, config=config, tokenizer=tokenizer)
    assert draft is not None
    weight_bytes = 4 * num_parameters(config, vocab_size=tokenizer.vocab_size)
    assert 0 < draft.nbytes <= weight_bytes / 10


def test_every_part_of_a_long_text_has_a_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_IDS", 40)
    _, corpus = source_and_corpus(written(tmp_path, "".join(chr(200 + n) for n in range(1_000))))
    ids = module._some_ids(corpus.train)
    whole = corpus.train.slice(0, len(corpus.train)).ids
    assert len(ids) == 40
    assert ids[0] == whole[0]
    assert ids[-1] == whole[-1]
    gaps = np.diff(np.flatnonzero(np.isin(whole, ids)))
    assert gaps.max() < len(whole) / 15


def test_of_a_short_text_all_is_counted(tmp_path: Path) -> None:
    _, corpus = source_and_corpus(written(tmp_path))
    whole = corpus.train.slice(0, len(corpus.train)).ids
    assert np.array_equal(module._some_ids(corpus.train), whole)
