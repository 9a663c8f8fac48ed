"""What lies in the cache is checked before it is believed."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lumina_cli.data.corpus import cache
from lumina_cli.data.corpus.cache import DESCRIPTION, file_digest, write_description
from lumina_cli.errors import StorageError
from tests.unit.data.corpus.making import TALKS, Reader, decoded, load, talk


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
    write_description(folder / DESCRIPTION, {**content["description"], **changes})


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
