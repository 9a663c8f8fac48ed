"""How far a model that forgets stays from its base weights."""

import math
from collections.abc import Callable

import pytest
import torch

from lumina_cli.core.model.peft import apply_peft, interpolate_weights
from lumina_cli.core.model.peft_config import PeftConfig
from lumina_cli.core.seeding import make_generator
from lumina_cli.core.training.validation import retention
from lumina_cli.core.training.validation.retention import find_alpha
from tests.unit.core.training.conftest import tiny_model

LossAt = Callable[[float], float]


def alpha_found(loss_at: LossAt, *, max_loss: float) -> tuple[float, int]:
    """Return the alpha that is taken where old text costs so much, and how many were tried."""
    tried = []

    def measured(alpha: float) -> float:
        tried.append(alpha)
        return loss_at(alpha)

    alpha, loss = find_alpha(measured, learnt_loss=loss_at(1.0), max_loss=max_loss)
    assert loss == pytest.approx(loss_at(alpha))
    return alpha, len(tried)


@pytest.mark.parametrize(
    "loss_at",
    [
        lambda alpha: 1 + 0.5 * alpha**2,
        lambda alpha: 1 + 0.2 * alpha,
        lambda alpha: 1 + 3 * alpha**4,
        lambda alpha: 1 - 0.1 * alpha + 2 * alpha**2,
        lambda alpha: 2.0**alpha,
        lambda alpha: 1 + 0.6 * alpha**0.5,
        lambda alpha: 1 + 2 * min(alpha, 0.1),
        lambda alpha: 1 - 0.2 * alpha if alpha < 0.5 else 0.9 + 4 * (alpha - 0.5),
    ],
)
def test_as_much_is_taken_as_old_text_allows(loss_at: LossAt) -> None:
    alpha, times = alpha_found(loss_at, max_loss=1.1)
    allowed = max(number / 1000 for number in range(1001) if loss_at(number / 1000) <= 1.1)
    assert loss_at(alpha) <= 1.1
    assert alpha >= 0.4 * allowed
    assert times <= 1 + retention.MAX_TRIALS  # the base, then the others


@pytest.mark.parametrize("most", [1.001, 1.01, 1.1, 1.5])
def test_as_much_as_was_asked_for_and_no_more(most: float) -> None:
    alpha, _ = alpha_found(lambda alpha: 1 + alpha**2, max_loss=most)
    assert 0.9 * (most - 1) ** 0.5 <= alpha <= (most - 1) ** 0.5


@pytest.mark.parametrize(
    "loss_at",
    [
        lambda alpha: 0.5 * alpha,
        lambda alpha: 0.1 if alpha < 0.2 else math.inf,
        lambda alpha: 0.1 if alpha < 0.2 else (math.nan if alpha < 0.9 else 5.0),
    ],
)
def test_zeros_and_what_is_not_finite_are_lived_with(loss_at: LossAt) -> None:
    alpha, _ = alpha_found(loss_at, max_loss=0.11)
    assert 0 <= alpha <= 0.22


def test_a_model_that_forgets_little_stays_as_it_is() -> None:
    assert alpha_found(lambda alpha: 1 + 0.05 * alpha, max_loss=1.1) == (1.0, 1)


def test_where_the_start_itself_costs_too_much_little_is_added_to_it() -> None:
    alpha, _ = alpha_found(lambda alpha: 2 + alpha**2, max_loss=1.1)
    assert 0 < alpha <= (0.02 * 2) ** 0.5


@pytest.mark.parametrize(
    "peft", [PeftConfig(), PeftConfig(lora_rank=2), PeftConfig(frozen_layers=1)]
)
def test_the_line_leads_from_the_start_to_the_model(peft: PeftConfig) -> None:
    model = tiny_model()
    start = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model = apply_peft(model, peft, generator=make_generator(0, "adapters"))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter += 0.1
    idx = torch.randint(0, model.vocab_size, (2, 8))
    before = interpolate_weights(model, start, alpha=0.0).state_dict()
    assert all(torch.equal(tensor, before[name]) for name, tensor in start.items())
    with torch.inference_mode():
        whole = interpolate_weights(model.eval(), start, alpha=1.0)(idx)
        assert torch.allclose(whole, model(idx), atol=1e-5)
