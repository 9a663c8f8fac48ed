import math

import numpy as np
import pytest
import torch
from torch import Tensor

from lumina_cli.errors import ExportError
from lumina_cli.export.compare import Bounds, Comparer, Comparison, Ids
from tests.unit.export.tiny_exports import tiny_file, tiny_windows

FILE = tiny_file()
NO_BOUNDS = Bounds()


def compared(change: float = 0.0, bounds: Bounds = NO_BOUNDS, *, at: int = 0) -> Comparison:
    """Compare a model with itself, one logit of each position raised by `change`."""

    def logits_of(ids: Ids, positions: Ids) -> Tensor:
        logits = FILE.model(torch.from_numpy(ids)[None])[0, positions].clone()
        logits[:, at] += change
        return logits

    comparer = Comparer(
        FILE.model, tokenizer=FILE.tokenizer, windows=tiny_windows(FILE), tell=lambda _: None
    )
    return comparer.compare(
        library="a library", logits_of=logits_of, encode=FILE.tokenizer.encode, bounds=bounds
    )


def test_a_model_does_not_differ_from_itself() -> None:
    found = compared(bounds=Bounds(logit=1e-9, logprob=1e-9, loss=1e-9))
    assert (found.logit, found.logprob) == (0, 0)
    assert found.loss == found.exported_loss


def test_the_loss_is_in_nats_per_character() -> None:
    windows = tiny_windows(FILE)
    with torch.no_grad():
        logprobs = FILE.model(torch.from_numpy(windows.inputs)).log_softmax(dim=-1).numpy()
    nats, chars = 0.0, 0
    for row, column in np.ndindex(windows.targets.shape):
        target = int(windows.targets[row, column])
        if target >= 6:
            nats -= float(logprobs[row, column, target])
            chars += not 0x80 <= target - 6 < 0xC0
    assert compared().loss == pytest.approx(nats / chars, rel=1e-5)


def test_the_largest_differences_are_told() -> None:
    found = compared(0.25)
    assert found.logit == pytest.approx(0.25, rel=1e-4)
    assert 0 < found.logprob <= 0.25 + 1e-6


@pytest.mark.parametrize(
    ("bounds", "what"),
    [
        (Bounds(logit=1e-4), "logits"),
        (Bounds(logprob=0.1), "log-probabilities"),
        (Bounds(loss=1e-4), "loss"),
    ],
)
def test_too_large_a_difference_is_an_error(bounds: Bounds, what: str) -> None:
    with pytest.raises(ExportError, match=f"in its {what} .a library; at most"):
        compared(0.5, bounds, at=100)


def test_what_is_not_a_number_is_too_far() -> None:
    with pytest.raises(ExportError):
        compared(math.nan, Bounds(logit=1e9))


def test_the_bound_of_logits_grows_with_them() -> None:
    """Logits of 40 are rounded to steps four times as large as those of 10."""
    with torch.no_grad():
        largest = float(FILE.model(torch.from_numpy(tiny_windows(FILE).inputs)).abs().max())
    allowed = 1e-4 * max(largest / 10, 1)
    compared(0.9 * allowed, Bounds(logit=1e-4))
    with pytest.raises(ExportError):
        compared(1.2 * allowed, Bounds(logit=1e-4))
