"""An export compared with the model: its logits, its loss, its ids.

T time, P positions that are compared, V vocabulary.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lumina_cli.core.model.transformer import Transformer
from lumina_cli.data.batches import Batch
from lumina_cli.errors import ExportError
from lumina_cli.export.check_texts import check_texts
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.special_ids import NUM_SPECIAL

Ids = npt.NDArray[np.int64]
LogitsOf = Callable[[Ids, Ids], Tensor]
"""From the ids of a text, (T,), and P positions in it to the logits of what comes next, (P, V)."""

ReadsAlike = Callable[[str, str], bool]
"""Whether a text is the same as that of the ids which it has elsewhere."""

Tell = Callable[[str], None]
"""Is told what is being done."""

USUAL_LOGIT = 10.0
SMALL_LOSS = 1e-3
"""Nats per character that nobody could tell from none."""

MOST_CUT_OTHERWISE = 0.2
"""Of the texts, most of which are odder than what anybody writes."""

BUG = "Please report it, with the model's shape: lumina info"


@dataclass(frozen=True, slots=True)
class Bounds:
    """The largest differences with which an export is kept; None where one doesn't count.

    `logit` holds up to logits of `USUAL_LOGIT` and grows with larger ones, as rounding does;
    `loss` is a share of the model's own, but no less than `SMALL_LOSS`.
    """

    logit: float | None = None
    logprob: float | None = None
    loss: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far an export is from the model; losses in nats per character.

    Args:
        library: by which it was read, and that one's version.
        num_windows: on which logits were compared.
        num_texts: on which ids were compared.
        num_cut_otherwise: of these, whose ids stand for the same text and are others; else all are
            equal.
        logit: the largest difference of two logits; None where only log-probabilities are told.
        largest_logit: of the model.
        logprob: the largest difference of two log-probabilities.
        loss: of the model.
        exported_loss: of what was exported.
    """

    library: str
    num_windows: int
    num_texts: int
    num_cut_otherwise: int
    logit: float | None
    largest_logit: float
    logprob: float
    loss: float
    exported_loss: float


class Comparer:
    """Compares exports of one model.

    Args:
        model: in fp32, in evaluation mode.
        tokenizer: that of the model.
        windows: on which logits are compared.
        tell: is told how far it is.
    """

    def __init__(
        self, model: Transformer, *, tokenizer: Tokenizer, windows: Batch, tell: Tell
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.windows = windows
        self.tell = tell

    def without_last_position(self) -> "Comparer":
        """Return one for what can't read a whole window: it wants room for one more id."""
        all_ = self.windows
        windows = Batch(all_.inputs[:, :-1], all_.targets[:, :-1], all_.in_loss[:, :-1])
        return Comparer(self.model, tokenizer=self.tokenizer, windows=windows, tell=self.tell)

    def compare(
        self,
        *,
        library: str,
        logits_of: LogitsOf,
        encode: Callable[[str], list[int]] | None,
        bounds: Bounds,
        max_positions: int | None = None,
        gives_logprobs: bool = False,
        reads_alike: ReadsAlike | None = None,
    ) -> Comparison:
        """Return how far an export is from the model.

        Args:
            library: what reads the export.
            logits_of: what it computes there.
            encode: from a text to its ids there; None if it has none.
            bounds: within which it must be.
            max_positions: of a window, at which logits are compared; None for all.
            gives_logprobs: whether it is log-probabilities that `logits_of` gives.
            reads_alike: for an export that may cut some texts otherwise; None if it may not.

        Raises:
            ExportError: it is too far.
        """
        compared = self._compare_logits(logits_of, library=library, max_positions=max_positions)
        if encode is not None:
            num_texts, num_others = self._compare_ids(encode, reads_alike=reads_alike)
            compared = replace(compared, num_texts=num_texts, num_cut_otherwise=num_others)
        if gives_logprobs:
            compared = replace(compared, logit=None)
        _check(compared, bounds)
        return compared

    def _compare_ids(
        self, encode: Callable[[str], list[int]], *, reads_alike: ReadsAlike | None
    ) -> tuple[int, int]:
        """Return on how many texts ids were compared, and how many of these are cut otherwise."""
        texts = check_texts(self.tokenizer)
        self.tell(f"checking the ids of {len(texts):,} texts")
        num_cut_otherwise = 0
        for text in texts:
            theirs, ours = encode(text), self.tokenizer.encode(text)
            if theirs == ours:
                continue
            num_cut_otherwise += 1
            is_alike = reads_alike is not None and reads_alike(text, self.tokenizer.decode(theirs))
            if not is_alike or num_cut_otherwise > MOST_CUT_OTHERWISE * len(texts):
                shown = f"{text[:40]!a} has the ids {theirs[:8]} there, and {ours[:8]} here"
                raise ExportError(f"the export reads text otherwise: {shown}", hint=BUG)
        return len(texts), num_cut_otherwise

    @torch.inference_mode()
    def _compare_logits(
        self, logits_of: LogitsOf, *, library: str, max_positions: int | None
    ) -> Comparison:
        logit = largest = logprob = ours_nats = theirs_nats = 0.0
        num_chars, num_windows = 0, len(self.windows.inputs)
        for row in range(num_windows):
            self.tell(f"checking the logits of window {row + 1} of {num_windows}")
            window = self.windows.rows(row, row + 1)
            ids = window.inputs[0, : window.num_ids]
            positions = _spread(len(ids), most=max_positions)
            ours = self.model(torch.from_numpy(ids)[None])[0, positions].double()  # (P, V)
            theirs = logits_of(ids, positions).double()
            logit, largest = max(logit, _largest(ours - theirs)), max(largest, _largest(ours))
            ours, theirs = ours.log_softmax(dim=-1), theirs.log_softmax(dim=-1)
            logprob = max(logprob, _largest(ours - theirs))
            targets = window.targets[0, positions]
            counts = window.in_loss[0, positions] & (targets >= NUM_SPECIAL)
            at = torch.from_numpy(counts.nonzero()[0]), torch.from_numpy(targets[counts])
            ours_nats -= float(ours[at].sum())
            theirs_nats -= float(theirs[at].sum())
            num_chars += self.tokenizer.num_chars(targets[counts])
        losses = (nats / max(num_chars, 1) for nats in (ours_nats, theirs_nats))
        return Comparison(library, num_windows, 0, 0, logit, largest, logprob, *losses)


def _spread(num: int, *, most: int | None) -> Ids:
    """Return positions that are evenly spread over a text, the last one among them; all if few."""
    step = 1 if most is None else -(-num // most)
    return np.arange(num - 1, -1, -step, dtype=np.int64)[::-1].copy()


def _largest(difference: Tensor) -> float:
    """Return the largest absolute number; infinite where one is not a number."""
    return float(difference.abs().nan_to_num(nan=float("inf")).max())


def _check(compared: Comparison, bounds: Bounds) -> None:
    scale = max(compared.largest_logit / USUAL_LOGIT, 1.0)
    logit_bound = None if bounds.logit is None else bounds.logit * scale
    loss_bound = None if bounds.loss is None else max(bounds.loss * compared.loss, SMALL_LOSS)
    for what, found, bound in (
        ("logits", compared.logit, logit_bound),
        ("log-probabilities", compared.logprob, bounds.logprob),
        ("loss", abs(compared.exported_loss - compared.loss), loss_bound),
    ):
        if bound is not None and found is not None and not found <= bound:
            raise ExportError(
                f"the export differs from the model by {found:.2g} in its {what} "
                f"({compared.library}; at most {bound:.2g} is right): nothing was written",
                hint=BUG,
            )
