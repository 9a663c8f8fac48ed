"""Windows of the encoded text, and the batches an epoch is made of.

An epoch is one pass: every position is a target exactly once. The text is cut into
windows that don't overlap, at an offset that changes from epoch to epoch, and the windows
are shuffled. Which batch comes when is a pure function of (seed, epoch, index), so that a
position in the data is two numbers.

B batch, T time (the length of a window), N length of the encoded text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.tokenizer.special_ids import Special

_SCAN_CODES = 1 << 20
"""Positions that are looked at together for what counts."""


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


@dataclass(frozen=True, eq=False)
class Replay:
    """Text learnt from before, of which each epoch repeats some windows.

    Args:
        texts: where they are taken from.
        share: of all windows of an epoch, in [0, 1).
    """

    texts: Sequence[TokenDataset]
    share: float

    def num_windows(self, num_new: int) -> int:
        """Return how many windows are repeated beside so many new ones."""
        return round(num_new * self.share / (1 - self.share))


class EpochBatches:
    """The batches of one epoch; a window in which nothing counts is left out.

    Args:
        text: what is learnt from.
        seq_length: T.
        batch_size: B; the last batch of an epoch may be smaller.
        seed: chooses offsets and orders.
        epoch: counted from 0.
        replay: older text to mix in.
    """

    def __init__(
        self,
        text: TokenDataset,
        *,
        seq_length: int,
        batch_size: int,
        seed: int,
        epoch: int,
        replay: Replay | None = None,
    ) -> None:
        rng = np.random.default_rng([seed, epoch])
        self._offset = int(rng.integers(seq_length))
        counts = have_loss(text, seq_length=seq_length, offset=self._offset)
        # as small as can be: 10 GB of text have 20 million windows and more
        index = np.int32 if len(counts) <= np.iinfo(np.int32).max else np.int64
        order = rng.permutation(np.arange(len(counts), dtype=index))
        self._new = order[counts[order]]
        self._texts = [text, *(replay.texts if replay else ())]
        self._mixed: npt.NDArray[np.int64] | None = None
        self.seq_length = seq_length
        self._batch_size = batch_size
        if replay is not None:
            rng = np.random.default_rng([seed, epoch, 1])  # the new windows stay the same
            repeated = self._repeated(replay.num_windows(len(self._new)), rng=rng)
            new = self._placed(self._new)
            self._mixed = rng.permutation(np.concatenate([new, repeated]))

    def __len__(self) -> int:
        windows = self._new if self._mixed is None else self._mixed
        return -(-len(windows) // self._batch_size)

    def __getitem__(self, index: int) -> Batch:
        some = slice(index * self._batch_size, (index + 1) * self._batch_size)
        chosen = self._placed(self._new[some]) if self._mixed is None else self._mixed[some]
        pairs = np.empty((len(chosen), self.seq_length + 1), dtype=np.int32)
        for number in np.unique(chosen[:, 0]):
            rows = chosen[:, 0] == number
            text, starts = self._texts[number], chosen[rows, 1]
            pairs[rows] = _pairs_of_windows(text, starts, width=pairs.shape[1])
        return _as_batch(pairs)

    def _placed(self, windows: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Return number of the text and start of each of the new windows, (n, 2)."""
        starts = windows.astype(np.int64) * self.seq_length - self._offset
        return np.stack([np.zeros_like(starts), starts], axis=1)

    def _repeated(self, num: int, *, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Choose windows of the older texts, none twice before all were; (n, 2)."""
        length = self.seq_length
        pool = [
            (number, start)
            for number, text in enumerate(self._texts[1:], start=1)
            for start in window_starts(len(text), length, offset=int(rng.integers(length))).tolist()
        ]
        rounds = [rng.permutation(len(pool)) for _ in range(-(-num // max(len(pool), 1)))]
        chosen = [pool[at] for at in np.concatenate(rounds)[:num]] if pool and num else []
        kept = [
            (number, start)
            for number, start in chosen
            if self._texts[number].slice(max(start, 0) + 1, start + length + 1).in_loss.any()
        ]
        return np.array(kept, dtype=np.int64).reshape(-1, 2)


def steps_per_epoch(num_ids: int, *, seq_length: int, batch_size: int) -> int:
    """Return the batches of an average epoch (the offset can add one window)."""
    num_windows = -(-max(num_ids - 1, 1) // seq_length)
    return -(-num_windows // batch_size)


def steps_of_text(
    text: TokenDataset, *, seq_length: int, batch_size: int, replay: Replay | None = None
) -> int:
    """Return the batches of an average epoch of a text, windows in which nothing counts apart."""
    num_windows = int(have_loss(text, seq_length=seq_length, offset=0).sum())
    num_windows += replay.num_windows(num_windows) if replay else 0
    return max(-(-num_windows // batch_size), 1)


def validation_batches(
    text: TokenDataset, *, seq_length: int, batch_size: int, max_chars: int | None = None
) -> Iterator[Batch]:
    """Yield the text in order, in windows that don't overlap; always the same ones.

    Args:
        max_chars: when the text is longer, take evenly spread windows of about so much.
    """
    starts = window_starts(len(text), seq_length, offset=0)
    window_chars = seq_length * text.tokenizer.chars_per_id
    if max_chars is not None and len(starts) * window_chars > max_chars:
        num_windows = max(int(max_chars / window_chars), 1)
        starts = starts[np.linspace(0, len(starts) - 1, num_windows).round().astype(np.int64)]
    for first in range(0, len(starts), batch_size):
        yield cut_windows(text, starts[first : first + batch_size], seq_length=seq_length)


def spread_batches(
    texts: Sequence[TokenDataset], *, seq_length: int, batch_size: int, max_chars: int
) -> Iterator[Batch]:
    """Yield several texts as `validation_batches` does; each gives an equal part at most."""
    for text in texts:
        yield from validation_batches(
            text,
            seq_length=seq_length,
            batch_size=batch_size,
            max_chars=max(max_chars // len(texts), 1),
        )


def window_starts(num_ids: int, seq_length: int, *, offset: int) -> npt.NDArray[np.int64]:
    """Return where windows start so that each of the ids but the first is a target once.

    With an offset the first window starts before the text and is cut short by it.
    """
    return np.arange(-offset, max(num_ids - 1, 0), seq_length, dtype=np.int64)


def have_loss(text: TokenDataset, *, seq_length: int, offset: int) -> npt.NDArray[np.bool_]:
    """Return which of the windows of `window_starts` have a target that counts.

    A batch of none but others would be a step that learns nothing.
    """
    counts = (text.pairs & 1).astype(np.bool_)
    num_windows = -(-(max(len(text) - 1, 0) + offset) // seq_length)
    found = np.zeros(num_windows, dtype=np.bool_)
    at_once = max(_SCAN_CODES // seq_length, 1)
    for first in range(0, num_windows, at_once):
        num = min(at_once, num_windows - first)
        begin = first * seq_length - offset + 1
        targets = counts[text.codes[max(begin, 1) : begin + num * seq_length]]
        in_loss = np.zeros(num * seq_length, dtype=np.bool_)
        before = max(1 - begin, 0)  # the first window may begin before the text
        in_loss[before : before + len(targets)] = targets
        found[first : first + num] = in_loss.reshape(-1, seq_length).any(axis=1)
        text.forget_pages()
    return found


def cut_windows(text: TokenDataset, starts: npt.NDArray[np.int64], *, seq_length: int) -> Batch:
    """Return the windows at `starts` as a batch."""
    return _as_batch(_pairs_of_windows(text, starts, width=seq_length + 1))


def _pairs_of_windows(
    text: TokenDataset, starts: npt.NDArray[np.int64], *, width: int
) -> npt.NDArray[np.int32]:
    """Return windows as pairs (see `TokenDataset`), all at once: one by one takes 5 µs each.

    What lies before the text is left out, and what is missing at the end is padded.
    """
    if len(text) == 0:
        return np.full((len(starts), width), 2 * Special.PAD, dtype=np.int32)
    begins, ends = np.maximum(starts, 0), np.minimum(starts + width, len(text))
    places = begins[:, np.newaxis] + np.arange(width)
    codes = np.asarray(text.codes).take(places, mode="clip")
    return np.where(places < ends[:, np.newaxis], text.pairs[codes], 2 * Special.PAD)


def _as_batch(pairs: npt.NDArray[np.int32]) -> Batch:
    ids, in_loss = (pairs >> 1).astype(np.int64), (pairs & 1).astype(np.bool_)
    return Batch(inputs=ids[:, :-1], targets=ids[:, 1:], in_loss=in_loss[:, 1:])
