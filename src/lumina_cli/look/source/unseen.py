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
    WINDOW_IDS,
    CodePoints,
    CodePointTable,
    speaker_before,
    window_at,
)

NUM_WINDOWS = 4
"""Parts of a long text that are read."""

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
    parts = [
        part
        for text in validation
        for start in range(0, len(text), max(WINDOW_IDS, len(text) // NUM_WINDOWS))
        for part in _parts(text, table, start, speaker, num_chars)
    ]
    most = min(MOST_TEXTS, MOST_CHARS // num_chars)
    if len(parts) <= most:
        return parts
    return [parts[n] for n in np.linspace(0, len(parts) - 1, most).round().astype(int)]


def _parts(
    text: TokenDataset, table: CodePointTable, start: int, speaker: Speaker, num_chars: int
) -> Iterator[CodePoints]:
    points = window_at(text, table, start, overlap=0).points
    tags = np.flatnonzero(points >= FIRST_TAG).tolist()
    if start == 0 or not tags:  # else it begins within a turn
        tags = [-1, *tags]
    for tag, end in pairwise([*tags, len(points)]):
        if speaker_before(points[max(tag, 0) : tag + 1]) != speaker:
            continue
        first, behind = tag + 1, tag + 1 + num_chars
        while behind <= end:
            yield points[first:behind]
            if speaker != "text":
                break
            first, behind = behind, behind + num_chars
