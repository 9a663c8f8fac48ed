"""One optimizer step, whole and in pieces."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.precision import LossScale
from lumina_cli.core.training.step.stepper import StepResult
from lumina_cli.data.batches import Batch, cut_windows
from lumina_cli.errors import OutOfMemoryError
from tests.unit.core.training.conftest import FP16, make_stepper, random_text, tiny_model

BATCH = cut_windows(random_text(60), np.arange(0, 56, 8), seq_length=8)  # 7 windows


def gradients(model: Transformer) -> Tensor:
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def weights(model: Transformer) -> Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def reference_gradients(model: Transformer, batch: Batch, *, smoothing: float) -> Tensor:
    """Compute them with torch's own loss over all logits at once."""
    logits = model(torch.from_numpy(batch.inputs))
    counting = torch.from_numpy(np.where(batch.in_loss, batch.targets, -100))
    loss = torch.nn.CrossEntropyLoss(label_smoothing=smoothing, ignore_index=-100)
    loss(logits.flatten(0, 1), counting.flatten()).backward()
    return gradients(model)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_gradient_is_that_of_the_mean_loss_of_the_ids_that_count(smoothing: float) -> None:
    model = tiny_model()
    make_stepper(model, label_smoothing=smoothing).step(BATCH, lr_factor=0.0)
    expected = reference_gradients(tiny_model(), BATCH, smoothing=smoothing)
    torch.testing.assert_close(gradients(model), expected)


@pytest.mark.parametrize("micro_batch_size", [1, 2, 3, 4, 6])
def test_cutting_the_batch_in_pieces_changes_only_rounding(micro_batch_size: int) -> None:
    whole, pieces = tiny_model(), tiny_model()
    expected = make_stepper(whole, micro_batch_size=7).step(BATCH, lr_factor=0.0)
    result = make_stepper(pieces, micro_batch_size=micro_batch_size).step(BATCH, lr_factor=0.0)
    difference = (gradients(pieces) - gradients(whole)).norm() / gradients(whole).norm()
    assert difference <= 1e-6
    assert result.loss == pytest.approx(expected.loss, rel=1e-6)
    assert result.accuracy == expected.accuracy


def test_loss_and_accuracy_are_means_over_the_ids_that_count_without_smoothing() -> None:
    model = tiny_model()
    with torch.no_grad():
        logits = model(torch.from_numpy(BATCH.inputs))
    counting = torch.from_numpy(BATCH.in_loss)
    chosen, targets = logits[counting], torch.from_numpy(BATCH.targets)[counting]
    result = make_stepper(model, label_smoothing=0.3).step(BATCH, lr_factor=1.0)
    expected = torch.nn.CrossEntropyLoss()(chosen, targets).item()
    assert result.loss == pytest.approx(expected, rel=1e-6)
    assert result.accuracy == (chosen.argmax(dim=1) == targets).double().mean().item()


def test_a_gradient_longer_than_allowed_is_shortened_and_told_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    free, clipped = tiny_model(), tiny_model()
    make_stepper(free).step(BATCH, lr_factor=0.0)
    length = gradients(free).norm().item()
    stepper, factors = make_stepper(clipped, grad_clip=length / 4), []

    def step(*, lr_factor: float, grad_factor: float) -> None:
        factors.append(grad_factor)

    monkeypatch.setattr(stepper.optimizers, "step", step)
    result = stepper.step(BATCH, lr_factor=0.0)
    assert result.grad_norm == pytest.approx(length, rel=1e-5)
    assert factors == [pytest.approx(1 / 4, rel=1e-4)]


def test_a_batch_in_which_nothing_counts_does_no_harm() -> None:
    silent = Batch(BATCH.inputs, BATCH.targets, np.zeros_like(BATCH.in_loss))
    model = tiny_model()
    before = weights(model)
    result = make_stepper(model, weight_decay=0.0, micro_batch_size=2).step(silent, lr_factor=1.0)
    assert (result.loss, result.accuracy, result.grad_norm) == (0.0, 0.0, 0.0)
    assert torch.equal(weights(model), before)


def test_the_last_steps_gradient_is_not_added() -> None:
    once, twice = tiny_model(), tiny_model()
    make_stepper(once).step(BATCH, lr_factor=0.0)
    stepper = make_stepper(twice)
    stepper.step(BATCH, lr_factor=0.0)
    stepper.step(BATCH, lr_factor=0.0)
    assert torch.equal(gradients(twice), gradients(once))


Exhaust = Callable[[pytest.MonkeyPatch, Transformer, int], None]


def exhaust_forward(monkeypatch: pytest.MonkeyPatch, model: Transformer, room: int) -> None:
    """Let the forward pass fail for more than `room` windows, after it has drawn dropout."""
    real = model.hidden

    def hidden(idx: Tensor, **cache: None) -> Tensor:
        x = real(idx, **cache)
        if len(idx) > room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return x

    monkeypatch.setattr(model, "hidden", hidden)


def exhaust_backward(monkeypatch: pytest.MonkeyPatch, model: Transformer, room: int) -> None:
    """Let the backward pass fail for more than `room` windows, after it has left gradients."""
    real_hidden, real_backward = model.hidden, torch.autograd.backward
    sizes: list[int] = []

    def hidden(idx: Tensor, **cache: None) -> Tensor:
        sizes.append(len(idx))
        return real_hidden(idx, **cache)

    def backward(loss: Tensor) -> None:
        real_backward(loss)
        if sizes[-1] > room:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(model, "hidden", hidden)
    monkeypatch.setattr(torch.autograd, "backward", backward)


EXHAUSTS = pytest.mark.parametrize("exhaust", [exhaust_forward, exhaust_backward])


def two_steps(model: Transformer, *, micro_batch_size: int) -> tuple[list[StepResult], int]:
    torch.manual_seed(11)
    stepper = make_stepper(model, micro_batch_size=micro_batch_size, label_smoothing=0.1)
    results = [stepper.step(BATCH, lr_factor=1.0) for _ in range(2)]
    return results, stepper.micro_batch_size


@EXHAUSTS
@pytest.mark.parametrize(("room", "settles_at"), [(4, 4), (3, 2), (1, 1)])
def test_a_step_out_of_memory_is_redone_as_if_it_had_been_split_from_the_start(
    monkeypatch: pytest.MonkeyPatch, exhaust: Exhaust, room: int, settles_at: int
) -> None:
    split = tiny_model(dropout=0.4)
    expected, _ = two_steps(split, micro_batch_size=settles_at)
    redone = tiny_model(dropout=0.4)
    exhaust(monkeypatch, redone, room)
    results, micro_batch_size = two_steps(redone, micro_batch_size=7)
    assert micro_batch_size == settles_at
    assert results == expected
    assert torch.equal(weights(redone), weights(split))


def test_pieces_that_were_done_before_memory_ran_out_are_not_counted_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    split = tiny_model(dropout=0.4)
    expected, _ = two_steps(split, micro_batch_size=2)
    redone = tiny_model(dropout=0.4)
    real, sizes = redone.hidden, []

    def hidden(idx: Tensor) -> Tensor:
        sizes.append(len(idx))
        if sizes == [4, 3]:
            raise torch.OutOfMemoryError
        return real(idx)

    monkeypatch.setattr(redone, "hidden", hidden)
    results, _ = two_steps(redone, micro_batch_size=4)
    assert sizes[:6] == [4, 3, 2, 2, 2, 1]
    assert results == expected
    assert torch.equal(weights(redone), weights(split))


@EXHAUSTS
def test_when_one_window_is_too_much_the_run_ends_with_a_word_of_advice(
    monkeypatch: pytest.MonkeyPatch, exhaust: Exhaust
) -> None:
    model = tiny_model()
    exhaust(monkeypatch, model, 0)
    with pytest.raises(OutOfMemoryError, match="single window") as caught:
        make_stepper(model).step(BATCH, lr_factor=1.0)
    assert "--preset small" in caught.value.hint


def test_another_error_is_not_taken_for_want_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()

    def broken(idx: Tensor) -> Tensor:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(model, "hidden", broken)
    stepper = make_stepper(model, micro_batch_size=7)
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        stepper.step(BATCH, lr_factor=1.0)
    assert stepper.micro_batch_size == 7


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_gradient_that_is_no_number_is_skipped_and_touches_nothing(number: float) -> None:
    model = tiny_model()
    stepper = make_stepper(model)
    stepper.step(BATCH, lr_factor=1.0)
    with torch.no_grad():
        model.lm_head.weight[0, 0] = number
    before = weights(model)
    moments = {name: tensor.clone() for name, tensor in stepper.optimizers.state_dict().items()}
    assert stepper.step(BATCH, lr_factor=1.0).skipped == "not finite"
    torch.testing.assert_close(weights(model), before, equal_nan=True, rtol=0, atol=0)
    assert stepper.optimizers.num_steps == 1
    for name, tensor in stepper.optimizers.state_dict().items():
        assert torch.equal(tensor, moments[name])


def test_in_fp16_the_gradient_is_that_of_fp32_but_for_rounding() -> None:
    half, full = tiny_model(), tiny_model()
    result = make_stepper(half, precision=FP16, micro_batch_size=3).step(BATCH, lr_factor=1.0)
    expected = make_stepper(full, micro_batch_size=3).step(BATCH, lr_factor=1.0)
    assert result.skipped is None
    assert result.loss == pytest.approx(expected.loss, rel=1e-3)
    assert result.grad_norm == pytest.approx(expected.grad_norm, rel=1e-2)
    assert (gradients(half) - gradients(full)).norm() <= 1e-2 * gradients(full).norm()


def test_an_overflow_in_fp16_halves_the_scale_until_it_fits_and_touches_nothing_else() -> None:
    model = tiny_model()
    stepper = make_stepper(model, precision=FP16)
    stepper.loss_scale.value = 2.0**30
    before, skips = weights(model), 0
    while (result := stepper.step(BATCH, lr_factor=1.0)).skipped == "overflow":
        skips += 1
        assert torch.equal(weights(model), before)
    assert result.skipped is None
    assert skips > 0
    assert stepper.loss_scale.value == 2.0 ** (30 - skips)
    assert stepper.optimizers.num_steps == 1


def test_the_scale_doubles_after_a_long_time_without_overflow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(LossScale, "DOUBLE_AFTER", 2)
    stepper = make_stepper(tiny_model(), precision=FP16)
    stepper.loss_scale.value = 8.0
    scales = []
    for _ in range(5):
        stepper.step(BATCH, lr_factor=0.0)
        scales.append(stepper.loss_scale.value)
    assert scales == [8.0, 16.0, 16.0, 32.0, 32.0]
