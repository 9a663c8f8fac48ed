"""Corpora of documents made up here."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lumina_cli.conversation import Conversation, Document, Message
from lumina_cli.data.config import DataConfig
from lumina_cli.data.corpus.corpus import Corpus, load_corpus
from lumina_cli.data.corpus.dataset import TokenDataset


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
