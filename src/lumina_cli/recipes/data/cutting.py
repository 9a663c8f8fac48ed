"""How a tokenizer that is learnt from the data would cut it, told before a training run."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.code_points import NUM_CODE_POINTS, add_counts
from lumina_cli.tokenizer.config import TokenizerConfig
from lumina_cli.tokenizer.document_batch import DocumentBatch
from lumina_cli.tokenizer.registry import check_trainable, train_tokenizer

EXAMPLE_CHARS = 240


@dataclass(frozen=True, slots=True)
class Cutting:
    """A tokenizer learnt from all of the data, and the beginning of the data in its ids.

    `num_in_bytes` characters of the `num_chars` have no id of their own.
    """

    tokenizer: Tokenizer
    num_chars: int
    num_in_bytes: int
    example: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "vocab_size": self.tokenizer.vocab_size,
            "num_characters": len(self.tokenizer.character_ids),
            "num_in_bytes": self.num_in_bytes,
            "chars_per_id": self.tokenizer.chars_per_id,
            "example": list(self.example),
        }


def cut_text(
    read: Callable[[], Iterable[DocumentBatch]], *, config: TokenizerConfig, min_char_count: int
) -> Cutting:
    """Return how the texts of documents would be cut.

    Args:
        read: reads the documents; called twice.
        config: which tokenizer is learnt.
        min_char_count: a character seen less often gets no id of its own.

    Raises:
        UsageError: a package that learns it is not installed.
    """
    check_trainable(config.tokenizer)
    counts = np.zeros(NUM_CODE_POINTS, dtype=np.int64)
    beginning = ""
    for batch in read():
        add_counts(counts, batch.text)
        counts[ord("\n")] += len(batch.lengths) - len(batch)  # one between two texts
        for document in batch.documents() if len(beginning) < EXAMPLE_CHARS else ():
            text = "\n".join(DocumentBatch.of([document]).texts())
            beginning += text[: EXAMPLE_CHARS - len(beginning)]
    texts = (text for batch in read() for text in batch.texts())
    tokenizer = train_tokenizer(texts, counts=counts, min_count=min_char_count, config=config)
    num_chars = int(counts.sum())
    counts[[*map(ord, tokenizer.character_ids)]] = 0
    example = tuple(map(tokenizer.describe, tokenizer.encode(beginning)))
    return Cutting(tokenizer, num_chars, num_in_bytes=int(counts.sum()), example=example)
