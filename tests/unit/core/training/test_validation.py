"""How far a model that forgets is pulled back."""

import math
from collections.abc import Callable

import pytest
import torch

from lumina_cli.core.model.peft import apply_peft, interpolate_weights
from lumina_cli.core.model.peft_config import PeftConfig
from lumina_cli.core.seeding import make_generator
from lumina_cli.core.training import validation as validator
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.evaluate import Evaluation
from lumina_cli.core.training.validation import RetentionLimit, Validator
from tests.unit.core.training.conftest import FP32, random_text, tiny_model


def share_taken(
    monkeypatch: pytest.MonkeyPatch, nats_at: Callable[[float], float], *, most: float
) -> tuple[float, int]:
    """Return the share that is taken where old text costs so much, and how often it was read."""
    shares, asked = [1.0], []
    monkeypatch.setattr(
        validator, "interpolate_weights", lambda model, _, *, share: shares.append(share) or model
    )
    old, new = random_text(50), random_text(40, seed=1)

    def evaluate(*_: object, **__: object) -> Evaluation:
        asked.append(shares[-1])
        return Evaluation(nats_at(shares[-1]), 0.5, 100)

    monkeypatch.setattr(validator, "evaluate", evaluate)
    model = tiny_model()
    measured = Validator(
        new,
        retention=RetentionLimit([old], dict(model.state_dict()), most_nats=most),
        config=TrainingConfig(),
        precision=FP32,
        seconds=None,
    ).examine(model, batch_size=4)
    assert measured.kept_nats == pytest.approx(nats_at(measured.share))
    assert shares[-1] == measured.share  # the new text is measured with it
    return measured.share, len(asked)


@pytest.mark.parametrize(
    "nats_at",
    [
        lambda share: 1 + 0.5 * share**2,
        lambda share: 1 + 0.2 * share,
        lambda share: 1 + 3 * share**4,
        lambda share: 1 - 0.1 * share + 2 * share**2,
        lambda share: 2.0**share,
        lambda share: 1 + 0.6 * share**0.5,
        lambda share: 1 + 2 * min(share, 0.1),
        lambda share: 1 - 0.2 * share if share < 0.5 else 0.9 + 4 * (share - 0.5),
    ],
)
def test_as_much_is_taken_as_old_text_allows(
    monkeypatch: pytest.MonkeyPatch, nats_at: Callable[[float], float]
) -> None:
    share, times = share_taken(monkeypatch, nats_at, most=1.1)
    allowed = max(number / 1000 for number in range(1001) if nats_at(number / 1000) <= 1.1)
    assert nats_at(share) <= 1.1
    assert share >= 0.4 * allowed
    assert times <= 1 + 1 + validator.MOST_PULLS + 1  # as it is, the start, tries, the new text


@pytest.mark.parametrize("most", [1.001, 1.01, 1.1, 1.5])
def test_as_much_as_was_asked_for_and_no_more(monkeypatch: pytest.MonkeyPatch, most: float) -> None:
    share, _ = share_taken(monkeypatch, lambda share: 1 + share**2, most=most)
    assert 0.9 * (most - 1) ** 0.5 <= share <= (most - 1) ** 0.5


@pytest.mark.parametrize(
    "nats_at",
    [
        lambda share: 0.5 * share,
        lambda share: 0.1 if share < 0.2 else math.inf,
        lambda share: 0.1 if share < 0.2 else (math.nan if share < 0.9 else 5.0),
    ],
)
def test_zeros_and_what_is_not_finite_are_lived_with(
    monkeypatch: pytest.MonkeyPatch, nats_at: Callable[[float], float]
) -> None:
    share, _ = share_taken(monkeypatch, nats_at, most=0.11)
    assert 0 <= share <= 0.22


def test_a_model_that_forgets_little_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert share_taken(monkeypatch, lambda share: 1 + 0.05 * share, most=1.1) == (1.0, 2)


def test_where_the_start_itself_costs_too_much_little_is_added_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    share, _ = share_taken(monkeypatch, lambda share: 2 + share**2, most=1.1)
    assert 0 < share <= (0.02 * 2) ** 0.5


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
    before = interpolate_weights(model, start, share=0.0).state_dict()
    assert all(torch.equal(tensor, before[name]) for name, tensor in start.items())
    with torch.inference_mode():
        whole = interpolate_weights(model.eval(), start, share=1.0)(idx)
        assert torch.allclose(whole, model(idx), atol=1e-5)
