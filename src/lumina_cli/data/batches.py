"""Windows of the encoded text, and the batches an epoch is made of.

An epoch is one pass: every position is a target exactly once. The text is cut into
windows that don't overlap, at an offset that changes from epoch to epoch, and the windows
are shuffled. Which batch comes when is a pure function of (seed, epoch, index), so that a
position in the data is two numbers.

B batch, T time (the length of a window), N length of the encoded text.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lumina_cli.data.encoded import EncodedText
from lumina_cli.tokenizer.ids import Special


@dataclass(frozen=True, eq=False)
class Batch:
    """Windows side by side; short ones are padded at the end, where nothing counts.

    Args:
        inputs: ids, (B, T).
        targets: the ids that follow them, (B, T).
        in_loss: which targets count, (B, T).
    """

    inputs: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int64]
    in_loss: npt.NDArray[np.bool_]

    @property
    def num_in_loss(self) -> int:
        return int(self.in_loss.sum())

    @property
    def num_ids(self) -> int:
        """Return how many ids are read, padding apart."""
        return int((self.inputs != Special.PAD).sum())

    def rows(self, start: int, stop: int) -> "Batch":
        """Return some of the windows."""
        return Batch(self.inputs[start:stop], self.targets[start:stop], self.in_loss[start:stop])


class EpochBatches:
    """The batches of one epoch.

    Args:
        text: what is learnt from.
        seq_length: T.
        batch_size: B; the last batch of an epoch may be smaller.
        seed: chooses offsets and orders.
        epoch: counted from 0.
    """

    def __init__(
        self, text: EncodedText, *, seq_length: int, batch_size: int, seed: int, epoch: int
    ) -> None:
        rng = np.random.default_rng([seed, epoch])
        starts = window_starts(len(text), seq_length, offset=int(rng.integers(seq_length)))
        self._starts = rng.permutation(starts)
        self._text = text
        self.seq_length = seq_length
        self._batch_size = batch_size

    def __len__(self) -> int:
        return -(-len(self._starts) // self._batch_size)

    def __getitem__(self, index: int) -> Batch:
        first = index * self._batch_size
        chosen = self._starts[first : first + self._batch_size]
        return cut_windows(self._text, chosen, seq_length=self.seq_length)


def steps_per_epoch(num_ids: int, *, seq_length: int, batch_size: int) -> int:
    """Return the batches of an average epoch (the offset can add one window)."""
    num_windows = -(-max(num_ids - 1, 1) // seq_length)
    return -(-num_windows // batch_size)


def validation_batches(
    text: EncodedText, *, seq_length: int, batch_size: int, max_chars: int | None = None
) -> Iterator[Batch]:
    """Yield the text in order, in windows that don't overlap; always the same ones.

    Args:
        max_chars: when the text is longer, take evenly spread windows of about so much.
    """
    starts = window_starts(len(text), seq_length, offset=0)
    if max_chars is not None and len(starts) * seq_length > max_chars:
        num_windows = max(max_chars // seq_length, 1)
        starts = starts[np.linspace(0, len(starts) - 1, num_windows).round().astype(np.int64)]
    for first in range(0, len(starts), batch_size):
        yield cut_windows(text, starts[first : first + batch_size], seq_length=seq_length)


def window_starts(num_ids: int, seq_length: int, *, offset: int) -> npt.NDArray[np.int64]:
    """Return where windows start so that each of the ids but the first is a target once.

    With an offset the first window starts before the text and is cut short by it.
    """
    return np.arange(-offset, max(num_ids - 1, 0), seq_length, dtype=np.int64)


def cut_windows(text: EncodedText, starts: npt.NDArray[np.int64], *, seq_length: int) -> Batch:
    """Return the windows at `starts` as a batch."""
    shape = (len(starts), seq_length + 1)
    ids = np.full(shape, Special.PAD, dtype=np.int64)
    in_loss = np.zeros(shape, dtype=np.bool_)
    for row, start in enumerate(starts.tolist()):
        window = text.slice(max(start, 0), start + seq_length + 1)
        ids[row, : len(window.ids)] = window.ids
        in_loss[row, : len(window.ids)] = window.in_loss
    return Batch(inputs=ids[:, :-1], targets=ids[:, 1:], in_loss=in_loss[:, 1:])
