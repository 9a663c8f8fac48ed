"""The gradients of a part of a batch are those of its summed loss, however it is cut."""

import pytest
import torch
from torch.nn import functional as F

from lumina_cli.core.training.step.gradients import add_gradients
from lumina_cli.data.batches import EpochBatches
from tests.unit.core.training.conftest import FP32, random_text, tiny_model

BATCH = EpochBatches(random_text(200), seq_length=8, batch_size=5, seed=0, epoch=0)[0]


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_they_are_those_of_the_summed_loss_times_a_factor(at_once: int) -> None:
    model, twin = tiny_model(), tiny_model()
    nll, num_right = add_gradients(
        model,
        BATCH,
        at_once=at_once,
        factor=0.5,
        hidden=lambda model, inputs: model.hidden(inputs),
        precision=FP32,
        label_smoothing=0.1,
    )
    counts = torch.from_numpy(BATCH.in_loss)
    logits = twin(torch.from_numpy(BATCH.inputs))[counts]
    targets = torch.from_numpy(BATCH.targets)[counts].long()
    loss = F.cross_entropy(logits, targets, reduction="sum", label_smoothing=0.1)
    (0.5 * loss).backward()
    for parameter, same in zip(model.parameters(), twin.parameters(), strict=True):
        assert torch.allclose(parameter.grad, same.grad, atol=1e-5)
    assert nll.item() == pytest.approx(F.cross_entropy(logits, targets, reduction="sum").item())
    assert num_right.item() == (logits.argmax(-1) == targets).sum().item()
