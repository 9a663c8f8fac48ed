"""Entries of the cache that anybody could make: each is what was encoded, or is made anew."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from lumina_cli.conversation import Conversation, Document, Message, PlainText
from lumina_cli.data.config import DataConfig
from lumina_cli.data.corpus.cache import DESCRIPTION, file_digest, write_description
from lumina_cli.data.corpus.corpus import Corpus, load_corpus
from lumina_cli.errors import StorageError

from .bounds import fuzzed, reads_or_refuses
from .mutations import VALUES, bytes_changed, json_changed, randoms, value_changed

DOCUMENTS: list[Document] = [
    *(Conversation((Message("user", f"q{n} é"), Message("bot", f"a{n}"))) for n in range(12)),
    PlainText("All the world's a stage. " * 20),
]


def load(folder: Path) -> Corpus:
    return load_corpus(
        lambda: iter(DOCUMENTS), fingerprint="x", config=DataConfig(), seed=0, folder=folder
    )


def change(entry: Path, rng: random.Random, odd: Any) -> None:
    """Damage an entry, blindly or with right digests."""
    name = rng.choice((DESCRIPTION, "train.bin", "validation.bin"))
    path = entry / name
    content = json.loads((entry / DESCRIPTION).read_text(encoding="utf-8"))
    if name != DESCRIPTION:
        path.write_bytes(bytes_changed(path.read_bytes(), rng))
        if rng.random() < 0.5:
            side = content["description"]["sides"][int(name != "train.bin")]
            side["digest"] = file_digest(path)
            write_description(entry / DESCRIPTION, content["description"])
    elif rng.random() < 0.5:
        path.write_bytes(json_changed(content, rng, odd))
    else:
        try:
            write_description(path, value_changed(content["description"], rng, odd))
        except UnicodeEncodeError:
            path.write_bytes(json_changed(content, rng, odd))


def test_a_changed_entry_is_opened_or_made_anew(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("cache")
    whole = load(folder)
    kept = {path.name: path.read_bytes() for path in (folder / whole.key).iterdir()}

    def use() -> None:
        corpus = load(folder)
        for side in (corpus.train, corpus.validation):
            ids = side.slice(0, len(side)).ids
            assert ids.max(initial=0) < corpus.tokenizer.vocab_size
            corpus.tokenizer.decode(ids.tolist())

    @fuzzed
    @given(rng=randoms(), odd=VALUES)
    def check(rng: random.Random, odd: Any) -> None:
        for name, data in kept.items():
            (folder / whole.key / name).write_bytes(data)
        change(folder / whole.key, rng, odd)
        try:
            assert reads_or_refuses(use)
        except StorageError:
            raise AssertionError("an entry could not be made anew") from None

    check()
