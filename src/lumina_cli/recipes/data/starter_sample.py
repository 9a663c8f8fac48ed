"""Some of the starter corpus as a model reads it: where there is no other text to try it on."""

from itertools import islice

import numpy as np

from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.data.starter import corpus as starter
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.chat_format import encode_documents

_MIN_IDS = 10
"""Of any conversation."""


def starter_sample(tokenizer: Tokenizer, *, num_ids: int) -> TokenDataset:
    """Return conversations of at least so many ids, if the corpus has them; all of it counts."""
    some = islice(starter.conversations(), num_ids // _MIN_IDS + 1)
    text = encode_documents(some, tokenizer=tokenizer, loss_on="all")
    pairs, codes = np.unique(text.ids.astype(np.int64) * 2 + text.in_loss, return_inverse=True)
    return TokenDataset(codes.astype("<u4")[:num_ids], pairs.astype(np.int32), tokenizer)
