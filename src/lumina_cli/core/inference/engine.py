"""What the model has read: the ids in its context, with their keys and values.

B texts of equal length, T time, V vocabulary.
"""

import copy
from collections import Counter

import torch
from torch import Tensor

from lumina_cli.core.inference.cuda_graphs import (
    FixedPass,
    RecordedPass,
    can_record,
    give_up_recording,
)
from lumina_cli.core.model.kernels.decoder import WIDE, Decoder
from lumina_cli.core.model.kv_cache import KVCache
from lumina_cli.core.model.transformer import Transformer

RECORD_AFTER = 8
"""Passes over the same number of ids before one is recorded, which takes several passes itself.
Once one is, others are at once: much is being said."""


class Engine:
    """Reads ids for the model so that none is read twice, and moves on when it is full.

    Memory is taken once, for `seq_length` positions. An interruption between any two
    operations leaves it whole: ids are written before the cache counts them.

    Args:
        model: in `eval()` mode.
        batch_size: B, texts of equal length read side by side.
        decoder: of the model, where one is prepared; readers may share it.
    """

    def __init__(
        self, model: Transformer, *, batch_size: int = 1, decoder: Decoder | None = None
    ) -> None:
        weight = model.wte.weight
        self.model = model
        self.batch_size = batch_size
        self.num_moves = 0
        self._decoder = decoder or Decoder(model)
        self._cache = self._new_cache(batch_size=batch_size)
        self._idx = torch.zeros(
            batch_size, model.config.seq_length, dtype=torch.long, device=weight.device
        )
        self._recorded: dict[int, FixedPass] = {}
        self._num_passes: Counter[int] = Counter()
        """Both by the ids of each text in a pass."""

    @property
    def length(self) -> int:
        """Positions of the context in use."""
        return self._cache.length

    @property
    def room(self) -> int:
        """Positions of the context that are free."""
        return self._cache.capacity - self._cache.length

    @torch.inference_mode()
    def read(self, idx: Tensor) -> Tensor:
        """Return the logits of what follows `idx`, (B, V).

        What the texts have in common with what was read before is not read again.

        Args:
            idx: (B, T), or (1, T) for one text in all rows; 1 ≤ T ≤ seq_length.
        """
        idx = idx.to(self._idx.device)
        T = idx.size(1)
        assert 1 <= T <= self._cache.capacity, (T, self._cache.capacity)
        known = min(self.num_common(idx), T - 1)
        self._cache.truncate(known)
        if self.batch_size > 1 and not known and bool((idx == idx[:1]).all()):
            return self._read_once(idx[:1])
        return self._forward_to_last(idx[:, known:].expand(self.batch_size, -1))

    @torch.inference_mode()
    def append(self, idx: Tensor) -> Tensor:
        """Return the logits of what follows the texts with one more id each, idx (B,).

        A full context goes on with its later half, which is read anew.
        """
        new = idx.to(self._idx.device).unsqueeze(1)  # (B, 1)
        if self._cache.length == self._cache.capacity:
            later = self._idx[:, 1 - num_kept(self._cache.capacity) :]
            new = torch.cat([later, new], dim=1)
            self._cache.truncate(0)
            self.num_moves += 1
        return self._forward_to_last(new)

    @torch.inference_mode()
    def append_guesses(self, ids: list[int]) -> Tensor:
        """Return the logits of what follows each of a few more ids of one text, (T, V).

        What turns out to be guessed wrong is to be forgotten: see `truncate`.
        """
        assert self.batch_size == 1
        assert len(ids) <= self.room, (len(ids), self.room)
        return self._forward(torch.tensor([ids]))[0]

    def truncate(self, length: int) -> None:
        """Forget all but the first `length` ids."""
        self._cache.truncate(length)

    @torch.inference_mode()
    def read_anew(self, *, row: int = 0, length: int | None = None) -> Tensor:
        """Return the logits of what follows the first `length` ids of a row, (1, V).

        Everything is read in one pass and nothing is kept: what comes out depends on these
        ids alone, to the last bit, however the cache was filled.
        """
        length = self.length if length is None else length
        x = self.model.hidden(self._idx[row : row + 1, :length])[:, -1]
        return self._decoder.logits(x)

    @torch.inference_mode()
    def select(self, rows: Tensor) -> None:
        """Let row i go on from what row rows[i] has read; there may be fewer rows than before."""
        self._cache.select(rows)
        self._idx = self._idx[rows]
        if len(rows) != self.batch_size:
            self._forget_recorded()
        self.batch_size = len(rows)

    def fork(self) -> "Engine":
        """Return a reader of the same model that has read the same, and goes its own way."""
        taken: dict[int, object] = {id(each): each for each in (self.model, self._decoder)}
        fork: Engine = copy.deepcopy(self, taken | {id(self._recorded): {}})
        fork._forget_recorded()
        return fork

    def num_common(self, idx: Tensor) -> int:
        """Return how many first ids of `idx` are those read, in all rows."""
        length = min(idx.size(1), self.length)
        differs = (self._idx[:, :length] != idx[:, :length]).any(dim=0)
        return int(differs.int().argmax()) if bool(differs.any()) else length

    def _read_once(self, idx: Tensor) -> Tensor:
        """Read one text, (1, T), for all rows; return the logits of what follows it, (B, V)."""
        self._taken(idx.expand(self.batch_size, -1))
        cache = self._new_cache(batch_size=1)
        hidden = self._decoder.hidden(idx, cache=cache)[:, -1]
        self._cache.take_over(cache)
        return self._decoder.logits(hidden).repeat(self.batch_size, 1)

    def _new_cache(self, *, batch_size: int) -> KVCache:
        weight = self.model.wte.weight
        return KVCache(
            self.model.config, batch_size=batch_size, device=weight.device, dtype=weight.dtype
        )

    def _forward_to_last(self, idx: Tensor) -> Tensor:
        """Return the logits of what follows all of the ids, (B, V)."""
        if idx.size(1) == 1:
            return self._forward(idx)[:, -1]
        return self._decoder.logits(
            self._decoder.hidden(self._taken(idx), cache=self._cache)[:, -1]
        )

    def _forward(self, idx: Tensor) -> Tensor:
        """Return the logits of what follows each of the ids, (B, T, V)."""
        idx = self._taken(idx)
        recorded = self._recorded_pass(idx) if can_record(idx.device) else None
        if recorded is not None:
            return recorded(idx)
        return self._decoder.logits(self._decoder.hidden(idx, cache=self._cache))

    def _taken(self, idx: Tensor) -> Tensor:
        """Write down the ids that are about to be read, and return them on the device."""
        assert not self.model.training, "sampling wants model.eval()"
        self._idx.narrow(1, self.length, idx.size(1)).copy_(idx)
        return idx.to(self._idx.device)

    def _recorded_pass(self, idx: Tensor) -> FixedPass | None:
        """Return the pass over so many ids that was recorded; one that is done often is."""
        num_new = idx.size(1)
        self._num_passes[num_new] += 1
        is_worth_it = bool(self._recorded) or self._num_passes[num_new] > RECORD_AFTER
        if num_new not in self._recorded and is_worth_it:
            try:
                self._recorded[num_new] = RecordedPass(self._decoder, self._cache, idx)
            except RuntimeError:
                give_up_recording()
        return self._recorded.get(num_new)

    def _forget_recorded(self) -> None:
        self._recorded = {}
        self._num_passes.clear()


def engine_of_one_text(model: Transformer, *, is_guessing: bool) -> Engine:
    """Return a reader prepared for the passes over one text: an id, or guesses to check."""
    rows = (1, WIDE) if is_guessing else (1,)
    return Engine(model, decoder=Decoder(model, rows=rows))


def num_kept(seq_length: int) -> int:
    """Return how many newest ids a full context goes on with, the one just said among them."""
    return seq_length - seq_length // 2
