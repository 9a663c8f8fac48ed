"""A sample of a run's validation text, kept beside the model.

By it a model can be asked later what it has forgotten, although the text is gone.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from lumina_cli.core.checkpoint.container import Header, read_container, write_container
from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.errors import LuminaError
from lumina_cli.io.folders.run_folder import VALIDATION_SAMPLE
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.chat_format import MaskedIds
from lumina_cli.tokenizer.registry import tokenizer_from_characters, tokenizer_from_json

SAMPLE_FORMAT = "lumina-sample"
VERSION = 2
OLD_VERSION = 1
"""It names characters where there is a tokenizer now."""

MOST_IDS = 40_000
"""Four bytes each, and one for whether it counts: 200 kB."""

NUM_CHUNKS = 16
"""Evenly spread over each text: what comes first is seldom typical."""


def write_sample(
    folder: Path, texts: Sequence[TokenDataset], *, tokenizer: Tokenizer, seq_length: int
) -> None:
    """Keep some of the texts, in chunks of whole windows. Raises as `write_container` does."""
    chunks = [
        chunk
        for text in texts
        for chunk in _chunks(text, most=MOST_IDS // len(texts), seq_length=seq_length)
    ]
    if not chunks:
        return
    ids = np.concatenate([chunk.ids for chunk in chunks]).astype("<i4")
    in_loss = np.concatenate([chunk.in_loss for chunk in chunks])
    write_container(
        folder / VALIDATION_SAMPLE,
        header={
            "format": SAMPLE_FORMAT,
            "version": VERSION,
            "tokenizer": tokenizer.to_json(),
        },
        tensors={
            "ids": torch.from_numpy(ids.view(np.uint8)),
            "in_loss": torch.from_numpy(in_loss.astype(np.uint8)),
        },
    )


def read_sample(folder: Path, *, tokenizer: Tokenizer) -> TokenDataset | None:
    """Return the sample in a run's folder; None where there is none for this tokenizer."""
    try:
        container = read_container(
            folder / VALIDATION_SAMPLE, kind=SAMPLE_FORMAT, versions=[OLD_VERSION, VERSION]
        )
        ids = container.tensors["ids"].numpy().view("<i4").astype(np.int64)
        in_loss = container.tensors["in_loss"].numpy()
        written_by = _tokenizer(container.header)
    except (LuminaError, KeyError, ValueError):
        return None
    if (
        not tokenizer.extends(written_by)
        or len(ids) != len(in_loss)
        or not 0 <= ids.min(initial=0) <= ids.max(initial=0)
    ):
        return None
    if ids.max(initial=0) >= tokenizer.vocab_size:
        return None
    pairs, codes = np.unique(ids * 2 + (in_loss > 0), return_inverse=True)
    return TokenDataset(codes.astype("<u4"), pairs.astype(np.int32), tokenizer)


def _tokenizer(header: Header) -> Tokenizer:
    if header["version"] == OLD_VERSION:
        return tokenizer_from_characters(header.get("characters"))
    return tokenizer_from_json(header.get("tokenizer"))


def _chunks(text: TokenDataset, *, most: int, seq_length: int) -> list[MaskedIds]:
    """Return evenly spread parts of a text, or all of it where it is short."""
    if len(text) <= most:
        return [text.slice(0, len(text))] if len(text) else []
    windows = max(most // NUM_CHUNKS // seq_length, 1)
    number = max(most // (windows * seq_length), 1)
    length = min(windows * seq_length, most)
    starts = np.linspace(0, len(text) - length, number).astype(np.int64)
    starts -= starts % seq_length
    return [text.slice(start, start + length) for start in starts.tolist()]
