"""The best guess after each layer.

L layers, T pieces.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch

from lumina_cli.core.model.trace import trace, unembed
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.look.pieces import Text
from lumina_cli.look.reading import Reading

NUM_TOP = 5
MAX_SHOWN = 256
"""Positions at the end of the text."""

LENS = "The head learnt to read the last layer. Early layers may know more than it can read there."


@dataclass(frozen=True, slots=True)
class LayersView:
    """The best guess after each layer, read by the model's own head (the logit lens).

    Row 0 is the embedding, row L what comes out of the last layer: the model's prediction.

    Attributes:
        text: what was read.
        top_ids: at each position the five likeliest ids to come next, (L + 1, T, 5).
        top_probs: their probabilities, (L + 1, T, 5).
        actual_probs: the probability of what came next, (L + 1, T); None at the last position.
        labels: of all ids in `top_ids`, by id (a string in JSON).
        notes: as for `NextView`.

    Source: nostalgebraist 2020, "interpreting GPT: the logit lens".
    """

    view: ClassVar[str] = "layers"
    text: Text
    top_ids: list[list[list[int]]]
    top_probs: list[list[list[float]]]
    actual_probs: list[list[float | None]]
    labels: dict[int, str]
    notes: list[str]


@torch.inference_mode()
def layers(model: Transformer, reading: Reading) -> LayersView:
    """Return the best guesses after each layer.

    Args:
        model: in `eval()` mode, in fp32.
        reading: the text; of a long one the end is shown.
    """
    start = max(0, len(reading) - model.config.seq_length)
    idx = torch.tensor(reading.ids[start:], device=model.wte.weight.device)
    first = max(0, len(idx) - MAX_SHOWN)
    view = LayersView(reading.text(start + first), [], [], [], {}, [LENS])
    for residuals in trace(model, idx).residuals:
        probs = unembed(model, residuals[first:]).softmax(dim=-1)  # (T, V)
        top = probs.topk(min(NUM_TOP, probs.size(-1)))
        view.top_ids.append(top.indices.tolist())
        view.top_probs.append(top.values.tolist())
        actual = probs[:-1].gather(1, idx[first + 1 :, None]).squeeze(1)
        view.actual_probs.append([*actual.tolist(), None])
    seen = {id_ for layer in view.top_ids for row in layer for id_ in row}
    view.labels.update((id_, reading.tokenizer.describe(id_)) for id_ in sorted(seen))
    return view
