"""A tokenizer that is learnt from the corpus: from the training side alone, named in the cache."""

from pathlib import Path

import pytest

from lumina_cli.data.corpus import builder
from lumina_cli.errors import UsageError
from lumina_cli.tokenizer.characters import CharacterTokenizer
from lumina_cli.tokenizer.config import TokenizerConfig
from tests.unit.data.corpus.making import TALKS, Reader, decoded, load, talk

BPE = TokenizerConfig(tokenizer="bpe", vocab_size=320)


@pytest.fixture(autouse=True)
def _needs_the_library() -> None:
    pytest.importorskip("tokenizers")


def test_the_corpus_is_encoded_in_pieces_and_none_of_its_text_is_lost(tmp_path: Path) -> None:
    corpus = load(tmp_path, TALKS, tokenizer_config=BPE)
    assert any(len(text) > 3 for text in corpus.tokenizer.bpe_table().texts)
    both = decoded(corpus, corpus.train) + decoded(corpus, corpus.validation)
    assert all(f"<|user|>question {n:03}<|end|>" in both for n in range(40))


def test_pieces_are_learnt_from_the_training_side_alone(tmp_path: Path) -> None:
    held_out = Reader([talk("zzzz zzzz zzzz zzzz", "zzzz zzzz zzzz")] * 50)
    corpus = load(tmp_path, TALKS, read_validation=held_out, tokenizer_config=BPE)
    own = load(tmp_path / "other", TALKS, tokenizer_config=BPE, read_validation=Reader(TALKS))
    assert corpus.tokenizer == own.tokenizer
    split = load(tmp_path, [*TALKS, *held_out.documents[:1]], tokenizer_config=BPE, seed=1)
    side = "validation" if "zzzz" in decoded(split, split.validation) else "training"
    pieces = split.tokenizer.bpe_table().merges
    assert (("z", "z") in pieces) == (side == "training")


def test_a_corpus_is_opened_again_by_its_tokenizer_and_number_of_ids(tmp_path: Path) -> None:
    reader = Reader(TALKS)
    first = load(tmp_path, reader, tokenizer_config=BPE)
    again = load(tmp_path, reader, tokenizer_config=BPE)
    assert (again.key, reader.num_reads) == (first.key, 1)
    assert again.tokenizer == first.tokenizer
    assert again.tokenizer.chars_per_id == first.tokenizer.chars_per_id > 1
    other = load(tmp_path, reader, tokenizer_config=TokenizerConfig(tokenizer="bpe"))
    assert (other.key != first.key, reader.num_reads) == (True, 2)


def test_a_number_of_ids_that_has_no_effect_names_no_other_corpus(tmp_path: Path) -> None:
    reader = Reader(TALKS)
    plain = load(tmp_path, reader)
    sized = load(tmp_path, reader, tokenizer_config=TokenizerConfig(vocab_size=512))
    assert (sized.key, reader.num_reads) == (plain.key, 1)
    assert isinstance(plain.tokenizer, CharacterTokenizer)


def test_it_is_told_how_far_the_learning_is(tmp_path: Path) -> None:
    told: list[str] = []
    load(tmp_path, TALKS * 3, tokenizer_config=BPE, tell=told.append)
    assert told[0] == "reading …"
    assert "learning the tokenizer: 100 % of the text …" in told
    assert told[-1] == "encoding …"


def test_a_missing_library_is_told_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: str) -> None:
        raise UsageError("it is missing")

    monkeypatch.setattr(builder, "check_trainable", refuse)
    reader = Reader(TALKS)
    with pytest.raises(UsageError):
        load(tmp_path, reader, tokenizer_config=BPE)
    assert reader.num_reads == 0
