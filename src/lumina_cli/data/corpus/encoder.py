"""Documents encoded to a file for each side of the split; it goes on where it was interrupted."""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from lumina_cli.data.checkpoints import State
from lumina_cli.data.corpus.cache import file_digest
from lumina_cli.data.corpus.dataset import TokenDatasetWriter
from lumina_cli.data.corpus.progress import Progress, ReadText
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.chat_format import LossOn, MaskedIds, encode_batch
from lumina_cli.tokenizer.document_batch import STARTS, DocumentBatch

SIDES = ("train", "validation")


@dataclass(frozen=True, slots=True)
class SplitCounts:
    """How much text one side of the split holds; a text that is cut is counted where it begins."""

    conversations: int = 0
    texts: int = 0
    chars: int = 0

    def with_batch(self, batch: DocumentBatch) -> "SplitCounts":
        """Return the counts with those of more documents; each part of a text is one here."""
        return SplitCounts(
            self.conversations + int(np.count_nonzero(~batch.is_text)),
            self.texts + int(np.count_nonzero(batch.kinds & STARTS)),
            self.chars + len(batch.text),
        )


def encode_sides(
    batches: Iterable[DocumentBatch],
    progress: Progress,
    *,
    tokenizer: Tokenizer,
    loss_on: LossOn,
    read: ReadText,
) -> list[dict[str, Any]]:
    """Write documents to a file for each side.

    Args:
        batches: the documents, in the same batches whenever it is called.
        progress: tells how many of them are encoded.
        tokenizer: to encode with.
        loss_on: what counts in the loss.
        read: what is known of the documents.

    Returns:
        what describes the two files.

    Raises:
        DamagedPartError: an earlier process did not leave what it wrote.
    """
    begun = progress.done.get("encoding", {"batches": 0, "sides": [None, None]})
    with ExitStack() as stack:
        sides = []
        for name, state in zip(SIDES, begun["sides"], strict=True):
            path = progress.folder / f"{name}.bin"
            writer = TokenDatasetWriter(path, vocab_size=tokenizer.vocab_size, begun=state)
            sides.append(_Side(stack.enter_context(writer), begun=state))
        num_chars = 0
        for number, batch in enumerate(batches, 1):
            if number <= begun["batches"]:
                continue
            for index in np.unique(batch.side_of_each).tolist():
                part = batch.on_side(index)
                encoded = encode_batch(part, tokenizer=tokenizer, loss_on=loss_on)
                sides[index].write(encoded, of=part)
            num_chars += len(batch.text)
            if num_chars >= progress.part_bytes and progress.is_read:
                num_chars = 0
                share = sum(side.counts.chars for side in sides) / max(int(read.counts.sum()), 1)
                kept = [side.state() for side in sides]
                progress.save(encoding={"batches": number, "sides": kept, "share": min(share, 1)})
    validation = sides[1]  # of a text that is cut the second part is no text of its own
    validation.counts = replace(validation.counts, texts=validation.counts.texts - read.num_cut)
    return [side.description() for side in sides]


class _Side:
    """One side of the split while it is written."""

    def __init__(self, writer: TokenDatasetWriter, *, begun: State | None) -> None:
        self._writer = writer
        self.counts = SplitCounts(**begun["counts"]) if begun else SplitCounts()

    def write(self, encoded: MaskedIds, *, of: DocumentBatch) -> None:
        self._writer.write(encoded)
        self.counts = self.counts.with_batch(of)

    def state(self) -> State:
        return {**self._writer.state(), "counts": asdict(self.counts)}

    def description(self) -> State:
        return {
            "dtype": self._writer.dtype.str,
            "pairs": self._writer.pairs,
            "num_codes": self._writer.num_codes,
            "digest": file_digest(self._writer.path),
            "counts": asdict(self.counts),
        }
