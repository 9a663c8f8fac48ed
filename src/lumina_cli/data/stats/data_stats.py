"""Statistics of data: characters, lengths, duplicates, the number of ids, and a preview."""

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np

from lumina_cli.conversation import Conversation, Document, Message, PlainText
from lumina_cli.data.stats.scripts import characters_by_script
from lumina_cli.tokenizer.code_points import (
    NUM_CODE_POINTS,
    add_counts,
    code_points,
    frequent_characters,
)
from lumina_cli.tokenizer.document_batch import ENDS, FIRST_MARK, STARTS, Choice, DocumentBatch

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
    batches: Iterable[DocumentBatch], *, seq_length: int, min_char_count: int
) -> DataStats:
    """Return the statistics of all documents together, in one pass.

    Args:
        batches: of documents; they are not kept.
        seq_length: of the model, in ids.
        min_char_count: a character seen less often is rare, and spelled in bytes.
    """
    collector = _Collector(seq_length=seq_length, min_char_count=min_char_count)
    for batch in batches:
        collector.add(batch)
    return collector.stats()


class _Collector:
    """Adds up counts and digests, document by document."""

    def __init__(self, *, seq_length: int, min_char_count: int) -> None:
        self._seq_length = seq_length
        self._min_char_count = min_char_count
        self._counts = np.zeros(NUM_CODE_POINTS, dtype=np.int64)
        self._digests = array("q")
        self._previews: list[Document] = []
        self._longest = 0
        self._too_long = 0
        self._num_special_ids = 0
        self._text_chars = 0
        self._text_digest = hashlib.blake2b(digest_size=8)

    def add(self, batch: DocumentBatch) -> None:
        """Count the documents of a batch."""
        add_counts(self._counts, batch.text)
        if len(self._previews) < NUM_PREVIEWS:
            self._add_previews(batch)
        is_talk = ~batch.is_text
        if is_talk.any():
            self._add_conversations(batch, is_talk)
        for number in np.flatnonzero(batch.is_text).tolist():
            begin, end = batch.begins[batch.first_texts[number : number + 2]].tolist()
            self._add_text(batch.text[begin:end], kind=int(batch.kinds[number]))

    def _add_previews(self, batch: DocumentBatch) -> None:
        begins = (
            document
            for document in batch.documents()
            if isinstance(document, Conversation) or document.starts
        )
        more = islice(begins, NUM_PREVIEWS - len(self._previews))
        self._previews += map(_shortened, more)

    def _add_conversations(self, batch: DocumentBatch, is_talk: Choice) -> None:
        of_talk = np.repeat(is_talk, batch.num_texts)
        num_special = 1 + 2 * batch.num_texts[is_talk]
        self._num_special_ids += int(num_special.sum())
        self._longest = max(self._longest, int(batch.lengths[of_talk].max(initial=0)))
        num_ids = num_special + batch.num_chars[is_talk]
        self._too_long += int(np.count_nonzero(num_ids > self._seq_length))
        # who says something counts, and not whether it is learnt from
        data, begins = batch.marked(batch.speakers // 2 + FIRST_MARK)
        hashes = [hash(data[begin:end]) for begin, end in pairwise(begins)]
        self._digests.frombytes(np.array(hashes, dtype=np.int64)[is_talk].tobytes())

    def _add_text(self, text: str, *, kind: int) -> None:
        if kind & STARTS:
            self._text_chars = 0
            self._text_digest = hashlib.blake2b(digest_size=8)
        self._text_chars += len(text)
        self._text_digest.update(text.encode())
        if kind & ENDS:
            self._num_special_ids += 2
            self._too_long += self._text_chars + 2 > self._seq_length
            self._digests.append(int.from_bytes(self._text_digest.digest(), "little", signed=True))

    def stats(self) -> DataStats:
        """Return the statistics of all that was added."""
        seen = np.flatnonzero(self._counts)
        times = self._counts[seen]
        frequent = frequent_characters(self._counts, min_count=self._min_char_count)
        is_rare = ~np.isin(seen, code_points(frequent))
        rare = seen[is_rare]
        num_bytes = 1 + (rare >= 0x80) + (rare >= 0x800) + (rare >= 0x10000)
        num_spelled = int((times[is_rare] * (num_bytes - 1)).sum())
        digests = np.frombuffer(self._digests, dtype=np.int64)
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
