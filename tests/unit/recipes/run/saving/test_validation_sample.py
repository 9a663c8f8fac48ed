"""A sample of validation text beside the model."""

from pathlib import Path

import numpy as np

from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.io.folders.run_folder import VALIDATION_SAMPLE
from lumina_cli.recipes.run.saving.validation_sample import MOST_IDS, read_sample, write_sample
from lumina_cli.tokenizer.characters import CharacterTokenizer

LETTERS = CharacterTokenizer("abcdef")


def text(num_ids: int) -> TokenDataset:
    codes = np.arange(num_ids, dtype="<u4") % 6
    return TokenDataset(
        codes, 2 * np.arange(262, 268, dtype=np.int32) + np.array([1, 0] * 3), LETTERS
    )


def test_a_short_text_comes_back_whole_with_what_counts(tmp_path: Path) -> None:
    write_sample(tmp_path, [text(500)], tokenizer=LETTERS, seq_length=16)
    found = read_sample(tmp_path, tokenizer=LETTERS.extended("g"))
    assert found is not None
    for one, other in zip(found.slice(0, 999), text(500).slice(0, 999), strict=True):
        assert one.tolist() == other.tolist()


def test_of_long_texts_a_bounded_part_is_kept(tmp_path: Path) -> None:
    write_sample(tmp_path, [text(90_000), text(300_000)], tokenizer=LETTERS, seq_length=128)
    found = read_sample(tmp_path, tokenizer=LETTERS)
    assert found is not None
    assert 0.8 * MOST_IDS < len(found) <= MOST_IDS
    assert (tmp_path / VALIDATION_SAMPLE).stat().st_size < 250_000


def test_the_sample_of_another_vocabulary_is_passed_over(tmp_path: Path) -> None:
    write_sample(tmp_path, [text(500)], tokenizer=LETTERS, seq_length=16)
    assert read_sample(tmp_path, tokenizer=CharacterTokenizer("abcdeg")) is None
    assert read_sample(tmp_path, tokenizer=CharacterTokenizer("abc")) is None


def test_a_damaged_or_missing_sample_is_passed_over(tmp_path: Path) -> None:
    assert read_sample(tmp_path, tokenizer=LETTERS) is None
    (tmp_path / VALIDATION_SAMPLE).write_bytes(b"PK\x03\x04 and no more")
    assert read_sample(tmp_path, tokenizer=LETTERS) is None


def test_without_validation_text_nothing_is_written(tmp_path: Path) -> None:
    write_sample(tmp_path, [text(0)], tokenizer=LETTERS, seq_length=16)
    assert not (tmp_path / VALIDATION_SAMPLE).exists()
