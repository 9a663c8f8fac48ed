"""Encoded text on disk."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumina_cli.data.corpus.cache import file_digest
from lumina_cli.data.corpus.dataset import TokenDataset, TokenDatasetWriter, open_token_dataset
from lumina_cli.tokenizer.characters import CharacterTokenizer
from lumina_cli.tokenizer.chat_format import MaskedIds


def masked(ids: list[int], in_loss: list[bool] | None = None) -> MaskedIds:
    counts = np.array(in_loss if in_loss is not None else [True] * len(ids), dtype=np.bool_)
    return MaskedIds(np.array(ids, dtype=np.int32), counts)


def write(path: Path, parts: list[MaskedIds], *, vocab_size: int) -> TokenDataset:
    with TokenDatasetWriter(path, vocab_size=vocab_size) as writer:
        for part in parts:
            writer.write(part)
    return open_token_dataset(
        path,
        tokenizer=CharacterTokenizer(""),
        dtype=writer.dtype.str,
        pairs=writer.pairs,
        num_codes=writer.num_codes,
        digest=file_digest(path),
    )


@given(
    parts=st.lists(
        st.lists(st.tuples(st.integers(0, 999), st.booleans()), max_size=300), max_size=5
    )
)
def test_ids_and_mask_come_back_from_disk(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[tuple[int, bool]]]
) -> None:
    path = tmp_path_factory.mktemp("encoded") / "text.bin"
    encoded = [masked([id_ for id_, _ in part], [counts for _, counts in part]) for part in parts]
    text = write(path, encoded, vocab_size=1000)
    everything = [pair for part in parts for pair in part]
    back = text.slice(0, len(everything))
    assert len(text) == len(everything)
    assert list(zip(back.ids.tolist(), back.in_loss.tolist(), strict=True)) == everything


def test_a_few_ids_take_one_byte_each_however_high_they_are(tmp_path: Path) -> None:
    path = tmp_path / "text.bin"
    text = write(path, [masked([60_000, 5] * 50)], vocab_size=65_536)
    assert path.stat().st_size == 100
    assert text.slice(0, 2).ids.tolist() == [60_000, 5]


def test_the_same_id_in_and_out_of_the_loss_stays_apart(tmp_path: Path) -> None:
    text = write(tmp_path / "text.bin", [masked([7, 7], [True, False])], vocab_size=8)
    assert text.slice(0, 2).in_loss.tolist() == [True, False]


@pytest.mark.parametrize(("num_pairs", "num_bytes"), [(256, 1), (257, 2), (65_536, 2), (65_537, 4)])
def test_codes_widen_when_a_smaller_one_is_no_longer_enough(
    tmp_path: Path, num_pairs: int, num_bytes: int
) -> None:
    path = tmp_path / "text.bin"
    first, rest = list(range(200)), list(range(200, num_pairs))
    text = write(path, [masked(first), masked(rest), masked(first)], vocab_size=70_000)
    assert text.codes.dtype.itemsize == num_bytes
    assert path.stat().st_size == num_bytes * (num_pairs + 200)
    assert text.slice(0, len(text)).ids.tolist() == [*first, *rest, *first]


def test_widening_leaves_no_file_behind(tmp_path: Path) -> None:
    write(tmp_path / "text.bin", [masked(list(range(300)))], vocab_size=300)
    assert [path.name for path in tmp_path.iterdir()] == ["text.bin"]


def test_a_slice_ends_where_the_text_does(tmp_path: Path) -> None:
    text = write(tmp_path / "text.bin", [masked([1, 2, 3])], vocab_size=8)
    assert text.slice(1, 99).ids.tolist() == [2, 3]


def test_an_empty_text_can_be_opened(tmp_path: Path) -> None:
    text = write(tmp_path / "text.bin", [masked([])], vocab_size=8)
    assert len(text) == 0
    assert text.slice(0, 5).ids.tolist() == []
