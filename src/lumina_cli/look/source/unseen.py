"""Texts that a model never learnt from, as long as one that is looked for.

n code points.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.look.pieces import Speaker
from lumina_cli.look.source.code_points import (
    FIRST_TAG,
    CodePoints,
    CodePointTable,
    speaker_before,
    window_at,
)

MOST_TEXTS = 100
MOST_CHARS = 50_000
"""Of all together."""


def unseen_texts(
    validation: Sequence[TokenDataset],
    table: CodePointTable,
    *,
    speaker: Speaker,
    num_chars: int,
) -> list[CodePoints]:
    """Return beginnings of turns of the same speaker, or parts of plain texts, evenly spread.

    Args:
        validation: encoded texts.
        table: of their tokenizer.
        speaker: whose words they are to be.
        num_chars: the length of each.
    """
    parts = [part for text in validation for part in _parts(text, table, speaker, num_chars)]
    most = min(MOST_TEXTS, MOST_CHARS // num_chars)
    if len(parts) <= most:
        return parts
    return [parts[n] for n in np.linspace(0, len(parts) - 1, most).round().astype(int)]


def _parts(
    text: TokenDataset, table: CodePointTable, speaker: Speaker, num_chars: int
) -> Iterator[CodePoints]:
    points = window_at(text, table, 0, overlap=0).points
    borders = [-1, *np.flatnonzero(points >= FIRST_TAG).tolist(), len(points)]
    for tag, end in pairwise(borders):
        if speaker_before(points[max(tag, 0) : tag + 1]) != speaker:
            continue
        start = tag + 1
        while start + num_chars <= end:
            yield points[start : start + num_chars]
            if speaker != "text":
                break
            start += num_chars
