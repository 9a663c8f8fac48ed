"""A base model with rows for the characters of new text."""

from collections.abc import Sequence

import numpy as np
import torch

from lumina_cli.core.checkpoint.model_file import ModelFile
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.resize import expect_as_frequent, resize_embeddings
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.seeding import make_generator
from lumina_cli.data.corpus import Corpus
from lumina_cli.data.dataset import TokenDataset

WINDOWS = 16
"""Of each text, by which it is seen how often the model expects a new character."""


def grown_model(
    loaded: ModelFile,
    *,
    corpus: Corpus,
    old: Sequence[TokenDataset],
    config: ModelConfig,
    seed: int,
) -> Transformer:
    """Return the model with rows for the new characters, and with its new window and dropout.

    Args:
        loaded: the base.
        corpus: the new text; its tokenizer is that of the base with more behind it.
        old: texts that were learnt before.
        config: the shape of the base, with the window and dropout to train with.
        seed: of what is random in the rows.
    """
    base = loaded.model.cpu()
    added = corpus.tokenizer.added_characters(loaded.tokenizer.vocab_size)
    generator = make_generator(seed, "growth")
    grown = resize_embeddings(base, added, tokenizer=loaded.tokenizer, generator=generator)
    counts = [corpus.newcomers[character] for character in added]
    chars = corpus.train_counts.chars + corpus.validation_counts.chars
    num_ids = round(chars / corpus.tokenizer.chars_per_id)
    length = base.config.seq_length
    expect_as_frequent(
        grown,
        [*counts, num_ids - sum(counts)],
        idx=_some_windows([corpus.train], length=length),
        old_idx=_some_windows(old, length=length) if old else None,
    )
    model = Transformer(config, vocab_size=grown.vocab_size)
    model.load_state_dict(grown.state_dict())
    return model


def _some_windows(texts: Sequence[TokenDataset], *, length: int) -> torch.Tensor:
    """Return ids of windows spread over texts, (B, T); T is shorter where the texts are."""
    length = min(length, max(map(len, texts)))
    long_enough = [text for text in texts if len(text) >= length]
    num_each = max(WINDOWS // len(long_enough), 1)
    windows = [
        text.slice(start, start + length).ids
        for text in long_enough
        for start in np.linspace(0, len(text) - length, num_each, dtype=int).tolist()
    ]
    return torch.from_numpy(np.stack(windows).astype(np.int64))
