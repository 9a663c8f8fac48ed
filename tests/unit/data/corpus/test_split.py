"""Which documents train the model and which only measure it."""

import random
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.data.corpus.split import DocumentSizes
from lumina_cli.data.corpus.split import split_documents as split_columns


class DocumentSize(NamedTuple):
    key: bytes
    num_chars: int
    is_plain_text: bool


def split_documents(documents: list[DocumentSize], *, val_fraction: float, seed: int) -> list[int]:
    """Split a list, as the columns that it fills are split."""
    columns = DocumentSizes()
    for document in documents:
        columns.add(document.key, document.num_chars, is_plain_text=document.is_plain_text)
    train_chars: list[int] = split_columns(columns, val_fraction=val_fraction, seed=seed).tolist()
    return train_chars


def talk(name: object, num_chars: int = 10) -> DocumentSize:
    return DocumentSize(str(name).encode(), num_chars, is_plain_text=False)


def text(name: object, num_chars: int = 10) -> DocumentSize:
    return DocumentSize(str(name).encode(), num_chars, is_plain_text=True)


def held_out(
    documents: list[DocumentSize], *, val_fraction: float = 0.1, seed: int = 0
) -> list[bytes]:
    """Return the keys of the documents that lie whole in validation, in order."""
    train_chars = split_documents(documents, val_fraction=val_fraction, seed=seed)
    return [d.key for d, chars in zip(documents, train_chars, strict=True) if chars == 0]


@given(
    sizes=st.lists(st.integers(1, 1000), min_size=1, max_size=60),
    val_fraction=st.floats(0.0, 0.5),
)
def test_a_conversation_lies_whole_on_one_side(sizes: list[int], val_fraction: float) -> None:
    talks = [talk(index, size) for index, size in enumerate(sizes)]
    train_chars = split_documents(talks, val_fraction=val_fraction, seed=1)
    assert all(chars in (0, size) for chars, size in zip(train_chars, sizes, strict=True))


@given(
    names=st.lists(st.integers(0, 15), min_size=20, max_size=60),
    seed=st.integers(0, 2**63 - 1),
)
def test_documents_with_one_key_stay_together(names: list[int], seed: int) -> None:
    talks = [talk(name) for name in names]
    train_chars = split_documents(talks, val_fraction=0.3, seed=seed)
    sides = {(t.key, chars == 0) for t, chars in zip(talks, train_chars, strict=True)}
    assert len(sides) == len(set(names))


@given(seed=st.integers(0, 2**32))
def test_the_order_of_documents_does_not_matter(seed: int) -> None:
    talks = [talk(index, 10 + index % 7) for index in range(100)]
    shuffled = random.Random(seed).sample(talks, len(talks))
    assert sorted(held_out(shuffled)) == sorted(held_out(talks))


def test_a_seed_always_chooses_the_same_and_another_chooses_others() -> None:
    talks = [talk(index) for index in range(200)]
    assert held_out(talks, seed=3) == held_out(talks, seed=3)
    assert held_out(talks, seed=3) != held_out(talks, seed=4)


@pytest.mark.parametrize("val_fraction", [0.05, 0.1, 0.25, 0.5])
def test_equal_documents_are_split_exactly_by_the_fraction(val_fraction: float) -> None:
    talks = [talk(index) for index in range(200)]
    assert len(held_out(talks, val_fraction=val_fraction)) == round(200 * val_fraction)


@given(seed=st.integers(0, 2**32))
def test_the_share_of_characters_is_near_the_fraction(seed: int) -> None:
    sizes = [random.Random(seed + index).choice([1, 10, 100, 1000]) for index in range(200)]
    talks = [talk(index, size) for index, size in enumerate(sizes)]
    train_chars = split_documents(talks, val_fraction=0.1, seed=0)
    validation_chars = sum(sizes) - sum(train_chars)
    assert abs(validation_chars - 0.1 * sum(sizes)) <= max(sizes) / 2


def test_no_fraction_means_no_validation() -> None:
    documents = [talk(1), text(2), talk(3)]
    assert split_documents(documents, val_fraction=0.0, seed=0) == [10, 10, 10]


def test_no_documents_are_no_problem() -> None:
    assert split_documents([], val_fraction=0.1, seed=0) == []


def test_one_long_text_gives_its_last_tenth() -> None:
    assert split_documents([text("book", 1234)], val_fraction=0.1, seed=0) == [1234 - 123]


def test_each_of_a_few_texts_gives_its_end() -> None:
    books = [text(1, 100), text(2, 1000)]
    assert split_documents(books, val_fraction=0.2, seed=0) == [80, 800]


def test_a_conversation_among_a_few_texts_is_learnt_from() -> None:
    assert split_documents([text(1, 100), talk(2, 50)], val_fraction=0.1, seed=0) == [90, 50]


def test_the_only_conversation_is_learnt_from() -> None:
    assert split_documents([talk(1)], val_fraction=0.1, seed=0) == [10]


def test_of_a_few_conversations_the_shortest_measures_when_all_exceed_the_share() -> None:
    assert held_out([talk(1, 50), talk(2, 40), talk(3, 60)]) == [b"2"]


def test_a_conversation_larger_than_the_whole_share_is_learnt_from() -> None:
    talks = [talk("giant", 10_000), *(talk(index, 10) for index in range(50))]
    for seed in range(20):
        assert b"giant" not in held_out(talks, seed=seed)


def test_a_book_beside_conversations_gives_its_end_and_takes_none_of_their_share() -> None:
    documents = [text("book", 100_000), *(talk(index, 10) for index in range(100))]
    train_chars = split_documents(documents, val_fraction=0.1, seed=0)
    assert train_chars[0] == 90_000
    assert train_chars[1:].count(0) == 10


def test_groups_that_say_the_same_stay_together_also_by_way_of_others() -> None:
    # trees 0 and 1 share a talk, 1 and 2 another one: none may be apart from the others
    shared = {(0, "a"), (1, "a"), (1, "b"), (2, "b")}
    talks = sorted(shared | {(tree, f"only {tree} {n}") for tree in range(40) for n in range(2)})
    for seed in range(12):
        columns = DocumentSizes()
        for tree, words in talks:
            columns.add(words.encode(), 10, is_plain_text=False, group=f"tree {tree}".encode())
        train_chars = split_columns(columns, val_fraction=0.3, seed=seed).tolist()
        sides: dict[int, set[bool]] = {}
        for (tree, _), chars in zip(talks, train_chars, strict=True):
            sides.setdefault(tree, set()).add(chars > 0)
        assert all(len(side) == 1 for side in sides.values())
        assert sides[0] == sides[1] == sides[2]


def test_a_talk_of_no_group_lies_where_its_twin_in_a_group_does() -> None:
    for seed in range(12):
        columns = DocumentSizes()
        for number in range(40):
            columns.add(b"%d" % number, 10, is_plain_text=False)
        for number in range(40):
            columns.add(b"%d" % number, 10, is_plain_text=False, group=b"tree %d" % (number // 2))
        train_chars = split_columns(columns, val_fraction=0.3, seed=seed).tolist()
        assert train_chars[:40] == train_chars[40:]
        assert train_chars[0:40:2] == train_chars[1:40:2]
        assert 0 < sum(train_chars) < 800


def test_a_long_chain_of_groups_is_one() -> None:
    columns = DocumentSizes()
    for number in range(20_000):
        for word in (number, number + 1):
            columns.add(b"%d" % word, 1, is_plain_text=False, group=b"tree %d" % number)
    assert len(set(columns.keys.tolist())) == 1
