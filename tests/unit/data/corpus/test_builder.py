"""A corpus is made: characters counted, documents split, all of it encoded."""

import tracemalloc
from pathlib import Path

import pytest

from lumina_cli.conversation import Document, PlainText
from lumina_cli.data.config import DataConfig
from lumina_cli.data.corpus import chunks as chunks_module
from lumina_cli.data.corpus.corpus import load_corpus
from lumina_cli.data.corpus.encoder import SplitCounts
from lumina_cli.errors import DataError
from lumina_cli.tokenizer.characters import CharacterTokenizer
from tests.unit.data.corpus.making import TALKS, Reader, decoded, load, talk


def test_a_conversation_stands_on_disk_as_it_was_said(tmp_path: Path) -> None:
    corpus = load(tmp_path, [talk("hi", "yo\nyo")])
    assert decoded(corpus, corpus.train) == "<|begin|><|user|>hi<|end|><|bot|>yo\nyo<|end|>"
    assert len(corpus.validation) == 0


def test_the_characters_are_those_of_the_documents_in_order(tmp_path: Path) -> None:
    assert load(tmp_path, [talk("cab", "é")]).tokenizer.characters == "abcé"


def test_a_rare_character_is_spelled_in_bytes(tmp_path: Path) -> None:
    config = DataConfig(min_char_count=2, val_fraction=0.0)
    corpus = load(tmp_path, [PlainText("aaéb b")], config=config)
    assert corpus.tokenizer.characters == "ab"
    ids = corpus.train.slice(0, 99).ids.tolist()
    assert corpus.tokenizer.decode(ids) == "aaéb b"


def test_both_sides_together_hold_every_conversation_once(tmp_path: Path) -> None:
    corpus = load(tmp_path, TALKS)
    everything = decoded(corpus, corpus.train) + decoded(corpus, corpus.validation)
    assert sorted(everything.split("<|begin|>")[1:]) == sorted(
        f"<|user|>question {n:03}<|end|><|bot|>answer {n:03}<|end|>" for n in range(40)
    )


def test_counts_say_what_lies_on_each_side(tmp_path: Path) -> None:
    corpus = load(tmp_path, TALKS)
    assert corpus.train_counts == SplitCounts(conversations=36, texts=0, chars=36 * 22)
    assert corpus.validation_counts == SplitCounts(conversations=4, texts=0, chars=4 * 22)


@pytest.mark.parametrize("lengths", [[1000], [1, 999], [900, 100], [899, 1, 100], [300, 300, 400]])
def test_a_text_in_chunks_is_cut_at_its_last_tenth(tmp_path: Path, lengths: list[int]) -> None:
    whole = "".join(chr(ord("a") + n % 26) for n in range(1000))
    chunks, start = [], 0
    for length in lengths:
        stop = start + length
        chunks.append(PlainText(whole[start:stop], starts=start == 0, ends=stop == 1000))
        start = stop
    corpus = load(tmp_path, chunks)
    assert decoded(corpus, corpus.train) == "<|begin|>" + whole[:900]
    assert decoded(corpus, corpus.validation) == f"<|begin|>{whole[900:]}<|end|>"
    assert corpus.train_counts == SplitCounts(texts=1, chars=900)
    assert corpus.validation_counts == SplitCounts(texts=0, chars=100)


@pytest.mark.parametrize("batch_chars", [1, 50, 10_000])
def test_how_many_documents_are_encoded_at_once_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_chars: int
) -> None:
    documents = [*TALKS, PlainText("a rare é"), PlainText("and more", starts=True)]
    usual = load(tmp_path / "usual", documents, config=DataConfig(min_char_count=2))
    monkeypatch.setattr(chunks_module, "BATCH_CHARS", batch_chars)
    other = load(tmp_path / "other", documents, config=DataConfig(min_char_count=2))
    for name in ("train", "validation"):
        found = [getattr(corpus, name).slice(0, 9999) for corpus in (usual, other)]
        assert found[0].ids.tolist() == found[1].ids.tolist()
        assert found[0].in_loss.tolist() == found[1].in_loss.tolist()


def test_a_duplicate_lies_where_its_twin_does(tmp_path: Path) -> None:
    for seed in range(5):
        corpus = load(tmp_path, [*TALKS, *TALKS], seed=seed)
        train = set(decoded(corpus, corpus.train).split("<|begin|>")[1:])
        validation = set(decoded(corpus, corpus.validation).split("<|begin|>")[1:])
        assert validation
        assert not train & validation


def test_texts_are_counted_once_each(tmp_path: Path) -> None:
    texts = [PlainText(chr(ord("a") + n) * 100) for n in range(5)]  # each gives its end
    corpus = load(tmp_path, texts)
    assert (corpus.train_counts.texts, corpus.validation_counts.texts) == (5, 0)
    corpus = load(tmp_path, [PlainText(f"text {n:03}") for n in range(60)], fingerprint="more")
    assert corpus.train_counts.texts + corpus.validation_counts.texts == 60
    assert corpus.validation_counts.texts == 6


def test_a_text_lies_on_the_same_side_in_whatever_chunks_it_came(tmp_path: Path) -> None:
    whole = [PlainText(f"text number {n:03}") for n in range(40)]
    halves = [
        half
        for text in whole
        for half in (PlainText(text.text[:9], ends=False), PlainText(text.text[9:], starts=False))
    ]
    sides = [load(tmp_path / name, d) for name, d in (("whole", whole), ("halves", halves))]
    assert sides[0].validation_counts.texts > 0
    assert decoded(sides[0], sides[0].validation) == decoded(sides[1], sides[1].validation)


def test_paths_of_one_tree_lie_on_one_side(tmp_path: Path) -> None:
    paths = [talk(f"tree {n % 30:02}", f"path {n:03}", group=f"tree {n % 30}") for n in range(90)]
    corpus = load(tmp_path, paths)
    trees = [
        {part.split("<|end|>")[0] for part in decoded(corpus, side).split("<|begin|>")[1:]}
        for side in (corpus.train, corpus.validation)
    ]
    assert len(trees[0] | trees[1]) == 30
    assert trees[1]
    assert not trees[0] & trees[1]


def test_the_order_of_documents_changes_no_side(tmp_path: Path) -> None:
    forth = load(tmp_path / "forth", TALKS)
    back = load(tmp_path / "back", TALKS[::-1])
    lines = [decoded(c, c.validation).split("<|begin|>")[1:] for c in (forth, back)]
    assert sorted(lines[0]) == sorted(lines[1])


def test_documents_given_for_validation_are_all_for_validation(tmp_path: Path) -> None:
    corpus = load(tmp_path, TALKS, read_validation=Reader([talk("new", "one")]))
    assert corpus.train_counts.conversations == 40
    assert decoded(corpus, corpus.validation) == "<|begin|><|user|>new<|end|><|bot|>one<|end|>"


def test_characters_seen_only_in_validation_get_no_id(tmp_path: Path) -> None:
    corpus = load(tmp_path, [talk("a", "b")], read_validation=Reader([talk("a", "z")]))
    assert corpus.tokenizer.characters == "ab"


def test_a_vocabulary_that_is_given_is_kept(tmp_path: Path) -> None:
    corpus = load(tmp_path, [talk("ab", "c")], tokenizer=CharacterTokenizer("ca"))
    assert corpus.tokenizer.characters == "ca"


def test_a_vocabulary_grows_by_the_frequent_characters_of_the_documents(tmp_path: Path) -> None:
    config = DataConfig(min_char_count=2)
    talks = [talk("aaz", "日日é"), talk("bb", "zz")]
    corpus = load(
        tmp_path, talks, config=config, tokenizer=CharacterTokenizer("za"), max_new_chars=9
    )
    assert corpus.tokenizer.characters == "zab日"
    assert corpus.new_characters == {"b": 2, "é": 1, "日": 2}


def test_a_vocabulary_grows_by_no_more_than_asked_for(tmp_path: Path) -> None:
    corpus = load(
        tmp_path, [talk("abbccc", "")], tokenizer=CharacterTokenizer("x"), max_new_chars=2
    )
    assert corpus.tokenizer.characters == "xbc"


def test_the_loss_mask_is_kept(tmp_path: Path) -> None:
    corpus = load(tmp_path, [talk("a", "b")], config=DataConfig(loss_on="bot"))
    assert corpus.train.slice(0, 99).in_loss.tolist() == [False] * 5 + [True] * 2


def test_documents_are_read_once(tmp_path: Path) -> None:
    reader, validation = Reader(TALKS), Reader([talk("a", "b")])
    load(tmp_path, reader, read_validation=validation)
    assert (reader.num_reads, validation.num_reads) == (1, 1)


def test_a_duplicate_in_another_tree_lies_where_its_twin_does(tmp_path: Path) -> None:
    talks = [talk(f"question {n % 40}", "yes", group=f"tree {n}") for n in range(80)]
    for seed in range(5):
        corpus = load(tmp_path, talks, seed=seed)
        train = set(decoded(corpus, corpus.train).split("<|begin|>")[1:])
        validation = set(decoded(corpus, corpus.validation).split("<|begin|>")[1:])
        assert validation
        assert not train & validation


@pytest.mark.parametrize("documents", [[], [PlainText("")], [talk("", "")]], ids=repr)
def test_documents_without_a_character_are_refused(
    tmp_path: Path, documents: list[Document]
) -> None:
    with pytest.raises(DataError, match="no text"):
        load(tmp_path, documents)


def test_an_empty_conversation_is_no_validation_where_none_is_asked_for(tmp_path: Path) -> None:
    config = DataConfig(val_fraction=0.0)
    corpus = load(tmp_path, [talk("a", "b"), talk("", "")], config=config)
    assert corpus.validation_counts == SplitCounts()


def test_a_group_may_be_named_by_any_text_that_json_can_hold(tmp_path: Path) -> None:
    corpus = load(tmp_path, [talk("a", "b", group="\ud800"), talk("c", "d", group="x")])
    assert corpus.train_counts.conversations + corpus.validation_counts.conversations == 2


def test_a_text_shorter_than_a_window_is_a_corpus(tmp_path: Path) -> None:
    corpus = load(tmp_path, [PlainText("a")])
    assert decoded(corpus, corpus.train) == "<|begin|>a<|end|>"


def peak_bytes_of(folder: Path, *, num_mb: int) -> int:
    """Return the most memory that a corpus of so many megabytes of text takes on its way."""
    part = "It barks, and nothing else happens. é\n" * 26_000
    parts = (PlainText(part, starts=n == 0, ends=n == num_mb - 1) for n in range(num_mb))
    tracemalloc.start()
    corpus = load_corpus(
        lambda: parts, fingerprint=str(num_mb), config=DataConfig(), seed=0, folder=folder
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert corpus.train_counts.chars > num_mb * 850_000
    return peak


def test_memory_does_not_grow_with_the_text(tmp_path: Path) -> None:
    small, large = (peak_bytes_of(tmp_path, num_mb=num_mb) for num_mb in (4, 16))
    assert large < 1.1 * small
