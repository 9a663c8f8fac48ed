"""The encoded corpus: counted, split and encoded once."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lumina_cli.conversation import Document, PlainText
from lumina_cli.data.config import DataConfig
from lumina_cli.data.corpus import builder, encoder
from lumina_cli.errors import DataError, StorageError
from lumina_cli.io.folders.cache_folder import cache_folder
from lumina_cli.io.folders.owned_folder import MARKER
from lumina_cli.tokenizer.characters import CharacterTokenizer
from tests.unit.data.corpus.making import TALKS, Reader, load


def test_a_second_call_reads_no_document(tmp_path: Path) -> None:
    reader = Reader(TALKS)
    first = load(tmp_path, reader)
    num_reads = reader.num_reads
    second = load(tmp_path, reader)
    assert reader.num_reads == num_reads
    assert second.key == first.key
    assert second.tokenizer == first.tokenizer
    assert second.train_counts == first.train_counts
    assert second.train.slice(0, 999).ids.tolist() == first.train.slice(0, 999).ids.tolist()


@pytest.mark.parametrize(
    "change",
    [
        {"fingerprint": "other documents"},
        {"seed": 1},
        {"config": DataConfig(min_char_count=2)},
        {"config": DataConfig(min_char_count=1, val_fraction=0.2)},
        {"config": DataConfig(min_char_count=1, loss_on="bot")},
        {"tokenizer": CharacterTokenizer("abc")},
        {"tokenizer": CharacterTokenizer("abc"), "max_new_chars": 2},
    ],
    ids=lambda change: " ".join(change),
)
def test_another_corpus_is_made_when_what_it_depends_on_changes(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    first = load(tmp_path, TALKS)
    reader = Reader(TALKS)
    second = load(tmp_path, reader, **change)
    assert second.key != first.key
    assert reader.num_reads > 0


def test_a_reader_that_fails_leaves_nothing_in_the_cache(tmp_path: Path) -> None:
    class Broken(Reader):
        def __call__(self) -> Iterator[Document]:
            yield from super().__call__()
            raise DataError("line 3 is broken")

    with pytest.raises(DataError, match="line 3 is broken"):
        load(tmp_path, Broken(TALKS))
    assert list(tmp_path.iterdir()) == []
    assert load(tmp_path, TALKS).train_counts.conversations == 36


def test_only_finished_work_lies_in_the_cache(tmp_path: Path) -> None:
    corpus = load(tmp_path, TALKS)
    assert [path.name for path in tmp_path.iterdir()] == [corpus.key]
    names = {path.name for path in (tmp_path / corpus.key).iterdir()}
    assert names == {MARKER, "corpus.json", "train.bin", "validation.bin"}


def test_another_run_that_was_first_is_just_as_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_rename = Path.rename

    def rename_after_another(self: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "rename", real_rename)
        load(tmp_path, TALKS)  # another run builds the same corpus in this moment
        return real_rename(self, target)

    monkeypatch.setattr(Path, "rename", rename_after_another)
    corpus = load(tmp_path, TALKS)
    assert corpus.train_counts.conversations == 36
    assert [path.name for path in tmp_path.iterdir()] == [corpus.key]


def test_a_cache_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(StorageError) as caught:
        load(tmp_path / "file" / "cache", TALKS)
    assert "LUMINA_CACHE_DIR" in caught.value.hint


def test_a_full_disk_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FullDisk(encoder.TokenDatasetWriter):
        def write(self, encoded: object) -> None:
            raise OSError(28, os.strerror(28))

    monkeypatch.setattr(encoder, "TokenDatasetWriter", FullDisk)
    with pytest.raises(StorageError, match="No space left"):
        load(tmp_path, TALKS)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_while_documents_wait_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FullDisk(builder.DocumentFile):
        def write(self, _: object) -> None:
            raise OSError(28, os.strerror(28))

    monkeypatch.setattr(builder, "DocumentFile", FullDisk)
    with pytest.raises(StorageError, match="No space left"):
        load(tmp_path, TALKS)
    assert list(tmp_path.iterdir()) == []


def test_the_cache_lies_where_the_variable_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUMINA_CACHE_DIR", "/somewhere")
    assert cache_folder() == Path("/somewhere")


@pytest.mark.skipif(os.name == "nt", reason="Windows has a folder of its own for caches")
def test_without_the_variable_the_cache_lies_where_the_system_keeps_caches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LUMINA_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert cache_folder() == tmp_path / "caches" / "lumina"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "lumina"


def test_shakespeare_is_encoded_in_one_byte_a_character(tmp_path: Path, shared_data: Path) -> None:
    text = (shared_data / "text" / "tinyshakespeare.txt").read_text(encoding="utf-8")
    corpus = load(tmp_path, [PlainText(text)])
    assert corpus.train.codes.dtype.itemsize == 1
    assert len(corpus.train) == 1 + corpus.train_counts.chars
    assert corpus.train_counts.chars + corpus.validation_counts.chars == len(text) == 1_115_394
    ids = corpus.validation.slice(0, len(corpus.validation)).ids.tolist()
    assert corpus.tokenizer.decode(ids) == text[corpus.train_counts.chars :]
