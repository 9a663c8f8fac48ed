"""How a tokenizer that is learnt from the data would cut it, told before a training run."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from lumina_cli.conversation import Document
from lumina_cli.data.corpus.chunks import texts_of
from lumina_cli.tokenizer.code_points import NUM_CODE_POINTS, code_points
from lumina_cli.tokenizer.config import TokenizerConfig
from lumina_cli.tokenizer.registry import check_trainable, train_tokenizer

EXAMPLE_CHARS = 240


@dataclass(frozen=True, slots=True)
class Cutting:
    """A tokenizer learnt from all of the data, and the beginning of the data in its ids."""

    vocab_size: int
    num_characters: int
    chars_per_id: float
    example: tuple[str, ...]


def cut_text(
    read: Callable[[], Iterable[Document]], *, config: TokenizerConfig, min_char_count: int
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
    for document in read():
        text = "\n".join(texts_of(document))
        np.add.at(counts, code_points(text), 1)
        beginning += text[: EXAMPLE_CHARS - len(beginning)]
    texts = (text for document in read() for text in texts_of(document))
    tokenizer = train_tokenizer(texts, counts=counts, min_count=min_char_count, config=config)
    return Cutting(
        tokenizer.vocab_size,
        len(tokenizer.character_ids),
        tokenizer.chars_per_id,
        tuple(map(tokenizer.describe, tokenizer.encode(beginning))),
    )
