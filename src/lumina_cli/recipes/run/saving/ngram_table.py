"""Statistics of the text that a model learns from, to be kept in its file."""

import numpy as np

from lumina_cli.core.checkpoint.model_file import NgramTable
from lumina_cli.core.inference.speculative.ngram import build_ngram_table
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.memory_estimate import num_parameters
from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.tokenizer.base import Tokenizer

MAX_IDS = 500_000
NUM_CHUNKS = 20
"""Of a longer text so many chunks are counted, so that every part of it has a say."""

PART_OF_MODEL = 10
"""The statistics take at most a tenth of the bytes that the weights take."""


def build_draft(text: TokenDataset, *, config: ModelConfig, tokenizer: Tokenizer) -> NgramTable:
    """Return the statistics of a text for a model of this shape: of the ids alone."""
    weight_bytes = 4 * num_parameters(config, vocab_size=tokenizer.vocab_size)
    return build_ngram_table(_some_ids(text), max_bytes=weight_bytes // PART_OF_MODEL)


def _some_ids(text: TokenDataset) -> np.ndarray:
    if len(text) <= MAX_IDS:
        return text.slice(0, len(text)).ids
    size = MAX_IDS // NUM_CHUNKS
    starts = np.linspace(0, len(text) - size, NUM_CHUNKS).astype(int).tolist()
    return np.concatenate([text.slice(start, start + size).ids for start in starts])
