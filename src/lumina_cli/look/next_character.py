"""What may come next, by the model and by the sampler.

V vocabulary.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from lumina_cli.core.inference.config import SamplingConfig
from lumina_cli.core.inference.held_text import HeldText
from lumina_cli.core.inference.sampling.distribution import distribution
from lumina_cli.core.inference.sampling.filters import Logits, softmax
from lumina_cli.core.inference.sampling.utf8_mask import Utf8Mask
from lumina_cli.core.inference.sequence import PENALIZED_IDS, as_rows
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.look.pieces import Text
from lumina_cli.look.reading import Reading
from lumina_cli.tokenizer.special_ids import is_special
from lumina_cli.tokenizer.stream_decoder import BETWEEN_CHARACTERS

NUM_CANDIDATES = 20
NO_BEAM = "Beam search looks for a whole reply; the draws shown are those of the nucleus sampler."
SURE = "How sure a model is says how often its text went on so, not whether that is right."


@dataclass(frozen=True, slots=True)
class Candidate:
    """An id that may come next.

    Attributes:
        id, label: see `Piece`.
        prob: the model's own probability for it.
        drawn: the probability with which the sampler draws it: after penalty, temperature and
            filter.
    """

    id: int
    label: str
    prob: float
    drawn: float


@dataclass(frozen=True, slots=True)
class NextView:
    """What may come next.

    Attributes:
        text: what was read.
        candidates: the likeliest by the model, the likeliest first, and those drawn the most.
        rest_prob: the model's probability of all others together.
        num_kept: how many ids the sampler may draw at all.
        held: the end of the text that the next ids say again, as subwords may be cut otherwise
            in a longer text; empty for a model of characters. Only ids that say it are likely then.
        sampling: the settings it was drawn with: sampler, temperature, top_k, top_p, min_p,
            repetition_penalty.
        logits: of every id, (V,), where they were asked for.
        labels: of every id, (V,), beside the logits.
        notes: what a person should know of it, a sentence each.
    """

    view: ClassVar[str] = "next"
    text: Text
    candidates: list[Candidate]
    rest_prob: float
    num_kept: int
    held: str
    sampling: dict[str, str | float | int]
    logits: list[float] | None
    labels: list[str] | None
    notes: list[str]


@torch.inference_mode()
def next_character(
    model: Transformer, reading: Reading, *, config: SamplingConfig, with_logits: bool = False
) -> NextView:
    """Return what may come next.

    Args:
        model: in `eval()` mode, in fp32.
        reading: what stands before.
        config: how the next id is drawn.
        with_logits: whether to tell those of all ids, too.
    """
    notes = [SURE]
    if config.sampler == "beam":
        config, notes = config.model_copy(update={"sampler": "nucleus"}), [SURE, NO_BEAM]
    held, reading = _held_back(reading)
    tokenizer, start = reading.tokenizer, max(0, len(reading) - model.config.seq_length)
    ids = reading.ids[start:]
    logits = as_rows(model(torch.tensor([ids], device=model.wte.weight.device))[0, -1])
    holder = HeldText.of(held, tokenizer=tokenizer)
    may_come = logits if holder is None else logits + holder.bias(len(logits))
    probs = softmax(may_come.astype(np.float64))
    bias = Utf8Mask(tokenizer).row(BETWEEN_CHARACTERS)
    drawn = distribution(config, may_come + bias, ids[-PENALIZED_IDS:])
    shown = _most(probs, drawn)
    return NextView(
        text=reading.text(start),
        candidates=[
            Candidate(id_, tokenizer.describe(id_), float(probs[id_]), float(drawn[id_]))
            for id_ in shown
        ],
        rest_prob=max(0.0, 1 - float(probs[shown].sum())),
        num_kept=int(np.count_nonzero(drawn)),
        held=held,
        sampling=config.model_dump(mode="json", include=_SHOWN_SETTINGS),
        logits=logits.tolist() if with_logits else None,
        labels=[tokenizer.describe(id_) for id_ in range(len(logits))] if with_logits else None,
        notes=notes,
    )


_SHOWN_SETTINGS = {"sampler", "temperature", "top_k", "top_p", "min_p", "repetition_penalty"}


def _held_back(reading: Reading) -> tuple[str, Reading]:
    """Return the end of a text that a longer text may have otherwise, and the text without it."""
    turn = next((n for n, id_ in enumerate(reversed(reading.ids)) if is_special(id_)), len(reading))
    first = len(reading) - turn
    kept, held = reading.tokenizer.without_open_end(reading.ids[first:])
    stop = first + len(kept)
    return held, Reading(reading.ids[:stop], reading.counted[:stop], reading.tokenizer)


def _most(probs: Logits, drawn: Logits) -> list[int]:
    """Return the likeliest ids, the likeliest first, and those that are drawn the most."""
    chosen = {id_ for values in (probs, drawn) for id_ in _first(values) if values[id_]}
    return sorted(chosen, key=lambda id_: -probs[id_])


def _first(values: Logits) -> list[int]:
    first: list[int] = np.argsort(-values, kind="stable")[:NUM_CANDIDATES].tolist()
    return first
