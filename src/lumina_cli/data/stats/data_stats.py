"""Statistics of data: characters, lengths, duplicates, the number of ids, and a preview."""

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lumina_cli.conversation import Conversation, Document, Message, PlainText
from lumina_cli.data.stats.scripts import characters_by_script
from lumina_cli.tokenizer.code_points import NUM_CODE_POINTS, code_points, frequent_characters

NUM_PREVIEWS = 3
PREVIEW_CHARS = 280


@dataclass(frozen=True, slots=True)
class DataStats:
    """Statistics of documents; lengths are in characters.

    `too_long` counts the documents that are longer than a window, `ids` those that encoding all
    of them gives.
    """

    documents: int
    distinct_characters: int
    rare_characters: int
    rare_examples: str
    scripts: Counter[str]
    longest_message: int
    too_long: int
    duplicates: int
    ids: int
    previews: tuple[Document, ...]


def collect_stats(
    documents: Iterable[Document], *, seq_length: int, min_char_count: int
) -> DataStats:
    """Return the statistics of all documents together, in one pass.

    Args:
        documents: they are not kept.
        seq_length: of the model, in ids.
        min_char_count: a character seen less often is rare, and spelled in bytes.
    """
    collector = _Collector(seq_length=seq_length, min_char_count=min_char_count)
    for document in documents:
        if isinstance(document, Conversation):
            collector.add_conversation(document)
        else:
            collector.add_text(document)
    return collector.stats()


class _Collector:
    """Adds up counts and digests, document by document."""

    def __init__(self, *, seq_length: int, min_char_count: int) -> None:
        self._seq_length = seq_length
        self._min_char_count = min_char_count
        self._counts = np.zeros(NUM_CODE_POINTS, dtype=np.int64)
        self._digests = array("Q")
        self._previews: list[Document] = []
        self._longest = 0
        self._too_long = 0
        self._num_special_ids = 0
        self._text_chars = 0
        self._text_digest = hashlib.blake2b(digest_size=8)

    def add_conversation(self, conversation: Conversation) -> None:
        """Count a conversation."""
        self._preview(conversation)
        digest = hashlib.blake2b(digest_size=8)
        num_ids = 1
        for message in conversation.messages:
            self._count(message.text)
            digest.update(f"{message.role}\0{message.text}\0".encode())
            num_ids += len(message.text) + 2
            self._longest = max(self._longest, len(message.text))
        self._num_special_ids += 1 + 2 * len(conversation.messages)
        self._too_long += num_ids > self._seq_length
        self._digests.append(int.from_bytes(digest.digest(), "little"))

    def add_text(self, text: PlainText) -> None:
        """Count a text or a chunk of one."""
        self._count(text.text)
        if text.starts:
            self._preview(text)
            self._text_chars = 0
            self._text_digest = hashlib.blake2b(digest_size=8)
        self._text_chars += len(text.text)
        self._text_digest.update(text.text.encode())
        if text.ends:
            self._num_special_ids += 2
            self._too_long += self._text_chars + 2 > self._seq_length
            self._digests.append(int.from_bytes(self._text_digest.digest(), "little"))

    def _preview(self, document: Document) -> None:
        if len(self._previews) < NUM_PREVIEWS:
            self._previews.append(_shortened(document))

    def _count(self, text: str) -> None:
        points = code_points(text)
        # a bincount is as long as the highest code point: expensive for a short message with emoji
        if len(points) < 10_000:
            np.add.at(self._counts, points, 1)
        else:
            found = np.bincount(points)
            self._counts[: len(found)] += found

    def stats(self) -> DataStats:
        """Return the statistics of all that was added."""
        seen = np.flatnonzero(self._counts)
        times = self._counts[seen]
        frequent = frequent_characters(self._counts, min_count=self._min_char_count)
        is_rare = ~np.isin(seen, code_points(frequent))
        rare = seen[is_rare]
        num_bytes = 1 + (rare >= 0x80) + (rare >= 0x800) + (rare >= 0x10000)
        num_spelled = int((times[is_rare] * (num_bytes - 1)).sum())
        digests = np.frombuffer(self._digests, dtype=np.uint64)
        pairs = zip(map(chr, seen.tolist()), times.tolist(), strict=True)
        return DataStats(
            documents=len(digests),
            distinct_characters=len(seen),
            rare_characters=len(rare),
            rare_examples="".join(map(chr, rare[:20].tolist())),
            scripts=characters_by_script(pairs),
            longest_message=self._longest,
            too_long=self._too_long,
            duplicates=len(digests) - len(np.unique(digests)),
            ids=int(times.sum()) + self._num_special_ids + num_spelled,
            previews=tuple(self._previews),
        )


def _shortened(document: Document) -> Document:
    """Return the beginning of a document, enough to recognise it."""
    if isinstance(document, PlainText):
        return PlainText(_beginning(document.text))
    messages = document.messages[:4]
    return Conversation(
        tuple(Message(each.role, _beginning(each.text), each.in_loss) for each in messages)
    )


def _beginning(text: str) -> str:
    return text if len(text) <= PREVIEW_CHARS else text[: PREVIEW_CHARS - 1] + "…"
