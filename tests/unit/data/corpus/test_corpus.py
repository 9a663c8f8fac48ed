"""The encoded corpus: counted, split and encoded once."""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lumina_cli.conversation import Conversation, Document, Message, PlainText
from lumina_cli.data.config import DataConfig
from lumina_cli.data.corpus import builder, cache
from lumina_cli.data.corpus import chunks as chunks_module
from lumina_cli.data.corpus.builder import SplitCounts
from lumina_cli.data.corpus.cache import file_digest, write_description
from lumina_cli.data.corpus.corpus import Corpus, load_corpus
from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.errors import DataError, StorageError
from lumina_cli.io.cache_folder import cache_folder
from lumina_cli.io.owned_folder import MARKER
from lumina_cli.tokenizer.characters import CharacterTokenizer


def talk(asked: str, reply: str, *, group: str | None = None) -> Conversation:
    return Conversation((Message("user", asked), Message("bot", reply)), group)


TALKS = [talk(f"question {n:03}", f"answer {n:03}") for n in range(40)]


class Reader:
    """Documents that know how often they were read."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self.documents = list(documents)
        self.num_reads = 0

    def __call__(self) -> Iterator[Document]:
        self.num_reads += 1
        yield from self.documents


def load(folder: Path, documents: Iterable[Document], **changes: Any) -> Corpus:
    given: dict[str, Any] = {
        "fingerprint": "some documents",
        "config": DataConfig(min_char_count=1),
        "seed": 0,
        "folder": folder,
    }
    read = documents if isinstance(documents, Reader) else Reader(documents)
    return load_corpus(read, **{**given, **changes})


def decoded(corpus: Corpus, side: TokenDataset) -> str:
    """Return the text of one side; the special ids are seen as their tags."""
    tags = ["<|pad|>", "<|begin|>", "<|system|>", "<|user|>", "<|bot|>", "<|end|>"]
    ids = side.slice(0, len(side)).ids.tolist()
    return "".join(tags[id_] if id_ < 6 else corpus.tokenizer.decode([id_]) for id_ in ids)


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


@pytest.mark.parametrize("name", ["corpus.json", "train.bin", "validation.bin"])
@pytest.mark.parametrize("damage", ["gone", "cut", "zeroed", "a flipped bit", "a digit more"])
def test_a_damaged_entry_is_made_anew(tmp_path: Path, name: str, damage: str) -> None:
    talks = [talk("é" * 300 + chr(n), "yes") for n in range(0x4E00, 0x4F00)]  # two bytes each
    corpus = load(tmp_path, talks)
    path = tmp_path / corpus.key / name
    data = path.read_bytes()
    path.unlink()
    if damage in DAMAGE:
        path.write_bytes(DAMAGE[damage](data))
    again = load(tmp_path, talks)
    assert decoded(again, again.train) == decoded(corpus, corpus.train)
    assert path.read_bytes() == data


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: data[:-1],
    "zeroed": lambda data: bytes(len(data)),
    "a flipped bit": lambda data: bytes([*data[:100], data[100] ^ 1, *data[101:]]),
    "a digit more": lambda data: data.replace(b"1", b"11", 1) + (b"" if b"1" in data else b"1"),
}


def redescribed(folder: Path, **changes: object) -> None:
    """Change what describes an entry, and its digest with it."""
    content = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
    write_description(folder, {**content["description"], **changes})


SIDE = {"dtype": "|u1", "pairs": [1], "num_codes": 0, "digest": "", "counts": {}}


@pytest.mark.parametrize(
    "changes",
    [
        {"tokenizer": 5},
        {"tokenizer": {}},
        {"tokenizer": {"kind": "characters", "version": 1, "characters": "aa"}},
        {"tokenizer": {"kind": "characters", "version": 1, "characters": ""}},  # too few ids
        {"sides": []},
        {"sides": [SIDE, SIDE]},
        {"sides": [5, 5]},
        {"newcomers": {"a": "many"}},
        {"newcomers": [1]},
        {"remarks": "none"},
        {"shapes": [1]},
        {"more": 1},
    ],
    ids=str,
)
def test_a_description_with_a_right_digest_is_made_anew_where_it_can_not_be(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    talks = [talk("é" * 300, "yes"), *TALKS]
    corpus = load(tmp_path, talks)
    data = (tmp_path / corpus.key / "corpus.json").read_bytes()
    redescribed(tmp_path / corpus.key, **changes)
    again = load(tmp_path, talks)
    assert decoded(again, again.train) == decoded(corpus, corpus.train)
    assert (tmp_path / corpus.key / "corpus.json").read_bytes() == data


@pytest.mark.parametrize("text", ["5", "null", "[]", "{}", "[" * 100_000, '"\\ud800"', "1" * 5_000])
def test_a_description_that_is_none_is_made_anew(tmp_path: Path, text: str) -> None:
    corpus = load(tmp_path, TALKS)
    (tmp_path / corpus.key / "corpus.json").write_text(text, encoding="utf-8")
    again = load(tmp_path, TALKS)
    assert decoded(again, again.train) == decoded(corpus, corpus.train)


def test_codes_that_stand_for_nothing_are_made_anew(tmp_path: Path) -> None:
    corpus = load(tmp_path, TALKS)
    path = tmp_path / corpus.key / "train.bin"
    data = path.read_bytes()
    path.write_bytes(b"\xff" * len(data))
    content = json.loads((path.parent / "corpus.json").read_text(encoding="utf-8"))
    sides = content["description"]["sides"]
    sides[0]["digest"] = file_digest(path)
    redescribed(path.parent, sides=sides)
    load(tmp_path, TALKS)
    assert path.read_bytes() == data


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("name", ["corpus.json", "train.bin"])
def test_a_pipe_in_an_entry_is_not_waited_for(tmp_path: Path, name: str) -> None:
    corpus = load(tmp_path, TALKS)
    path = tmp_path / corpus.key / name
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(StorageError):
        load(tmp_path, TALKS)


def test_a_large_file_is_known_by_parts_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "WHOLE_BYTES", 1_000)
    monkeypatch.setattr(cache, "_PART_BYTES", 10)
    monkeypatch.setattr(cache, "_NUM_PARTS", 3)
    data, path = bytearray(2_000), tmp_path / "file"
    path.write_bytes(data)
    whole = file_digest(path)
    for at, is_seen in ((0, True), (500, False), (999, True), (1_999, True)):
        changed = bytearray(data)
        changed[at] = 1
        path.write_bytes(changed)
        assert (file_digest(path) != whole) == is_seen
    path.write_bytes(data + b"\0")
    assert file_digest(path) != whole


def test_an_entry_of_an_older_version_is_made_anew(tmp_path: Path) -> None:
    first = load(tmp_path, TALKS)
    path = tmp_path / first.key / "corpus.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(description["description"]), encoding="utf-8")  # without digests
    reader = Reader(TALKS)
    second = load(tmp_path, reader)
    assert (second.key, second.tokenizer, reader.num_reads) == (first.key, first.tokenizer, 1)


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


def test_a_cache_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(StorageError) as caught:
        load(tmp_path / "file" / "cache", TALKS)
    assert "LUMINA_CACHE_DIR" in caught.value.hint


def test_a_full_disk_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FullDisk(builder.TokenDatasetWriter):
        def write(self, encoded: object) -> None:
            raise OSError(28, os.strerror(28))

    monkeypatch.setattr(builder, "TokenDatasetWriter", FullDisk)
    with pytest.raises(StorageError, match="No space left"):
        load(tmp_path, TALKS)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_while_documents_wait_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FullDisk(builder.DocumentFile):
        def write(self, documents: object, *, text: str) -> None:
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
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("LUMINA_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert cache_folder() == Path("/caches/lumina")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache_folder() == Path("/home/someone/.cache/lumina")


def test_shakespeare_is_encoded_in_one_byte_a_character(tmp_path: Path, shared_data: Path) -> None:
    text = (shared_data / "text" / "tinyshakespeare.txt").read_text(encoding="utf-8")
    corpus = load(tmp_path, [PlainText(text)])
    assert corpus.train.codes.dtype.itemsize == 1
    assert len(corpus.train) == 1 + corpus.train_counts.chars
    assert corpus.train_counts.chars + corpus.validation_counts.chars == len(text) == 1_115_394
    ids = corpus.validation.slice(0, len(corpus.validation)).ids.tolist()
    assert corpus.tokenizer.decode(ids) == text[corpus.train_counts.chars :]
