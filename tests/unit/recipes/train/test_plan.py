"""What a run is going to do, told before it starts."""

import gc
from pathlib import Path
from typing import Any

import pytest
import torch

from lumina_cli.conversation import PlainText
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.memory_estimate import FRAGMENTATION, WORKSPACE_BYTES
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.core.precision import choose_precision
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.loop import Trainer
from lumina_cli.core.training.optim.optimizers import Optimizers
from lumina_cli.core.training.parallel.threads import least_chars
from lumina_cli.core.training.step.stepper import StepResult
from lumina_cli.data.batches import Batch
from lumina_cli.data.config import DataConfig
from lumina_cli.data.corpus.corpus import Corpus, load_corpus
from lumina_cli.errors import OutOfMemoryError
from lumina_cli.recipes.train import memory_fit as fit
from lumina_cli.recipes.train import plan as plan_module
from lumina_cli.recipes.train.plan import Plan, make_plan
from tests.unit.recipes.train.peak_memory import PeakBytes, peak_bytes

FP32 = choose_precision("fp32", device=torch.device("cpu"))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """900 characters to train on and 100 to measure with; with <|begin|> that is 901 ids."""
    return load_corpus(
        lambda: [PlainText("abcdefghij" * 100)],
        fingerprint="letters",
        config=DataConfig(),
        seed=0,
        folder=tmp_path_factory.mktemp("cache"),
    )


def model_for(corpus: Corpus, **shape: Any) -> Transformer:
    usual = {"hidden_size": 8, "num_layers": 1, "num_heads": 2, "seq_length": 10}
    config = ModelConfig(**{**usual, **shape})
    generator = torch.Generator().manual_seed(0)
    return build_model(config, vocab_size=corpus.tokenizer.vocab_size, generator=generator)


def plan_for(corpus: Corpus, *, model: Transformer | None = None, **limits: Any) -> Plan:
    config = TrainingConfig(**{"batch_size": 9, "epochs": None, **limits})
    return make_plan(
        model_for(corpus) if model is None else model,
        corpus,
        data=("letters.txt",),
        config=config,
        precision=FP32,
        out=Path("Model.pth"),
    )


@pytest.fixture
def two_seconds_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_module, "measure_step_s", lambda *_, **__: 2.0)


@pytest.mark.usefixtures("two_seconds_a_step")
@pytest.mark.parametrize(
    ("limits", "steps", "seconds"),
    [
        ({"epochs": 5}, 50, 102.0),  # 90 windows of 10 in batches of 9: 10 steps a pass
        ({"max_steps": 7}, 7, 15.6),
        ({"epochs": 5, "max_steps": 7}, 7, 15.6),
        ({"epochs": 1, "max_steps": 70}, 10, 22.0),
        ({"minutes": 3}, None, 180.0),
        ({"minutes": 1, "epochs": 5}, 50, 60.0),
        ({"minutes": 3, "epochs": 5}, 50, 102.0),
    ],
    ids=str,
)
def test_steps_and_time_are_those_of_the_nearest_limit(
    corpus: Corpus, limits: dict[str, Any], steps: int | None, seconds: float
) -> None:
    # The untrained model is evaluated, too. A step learns from 90 characters in 2 s, so 27 are read
    # in a tenth of that: 10 evaluations take as long as a step, 8 of a run of 7 steps 1.6 s.
    plan = plan_for(corpus, num_evals=9, eval_chars=27, **limits)
    assert (plan.steps, plan.steps_per_epoch) == (steps, 10)
    assert plan.seconds == pytest.approx(seconds)


@pytest.mark.usefixtures("two_seconds_a_step")
def test_the_plan_counts_memory_as_the_run_takes_it(corpus: Corpus) -> None:
    whole = plan_for(corpus, epochs=1).memory
    pieces = plan_for(corpus, epochs=1, micro_batch_size=3).memory
    twice = plan_for(corpus, epochs=1, activation_checkpointing=True).memory
    in_pieces, at_once = (m.activations - WORKSPACE_BYTES for m in (pieces, whole))
    assert in_pieces == pytest.approx(at_once / 3, abs=1)
    # One layer, computed twice, is as much; its input is kept besides: 90 positions of 8,
    # and as much again is lost to the allocator; computing it anew takes five times that.
    more = FRAGMENTATION * (2 + 5) * 4 * 90 * 8
    assert twice.activations == pytest.approx(whole.activations + more, abs=1)
    assert plan_for(corpus, epochs=1, optimizer="muon").memory.optimizer < whole.optimizer


@pytest.mark.usefixtures("two_seconds_a_step")
def test_the_plan_counts_the_gradients_of_threads_that_share_steps(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = plan_for(corpus, epochs=1).memory.gradients
    monkeypatch.setattr(fit, "num_workers", lambda _: 3)
    assert plan_for(corpus, epochs=1).memory.gradients == 3 * alone
    assert plan_for(corpus, epochs=1, micro_batch_size=2).memory.gradients == alone
    assert plan_for(corpus, epochs=1, compile="on").memory.gradients == alone
    assert plan_for(corpus, epochs=1, activation_checkpointing=True).memory.gradients == alone


@pytest.mark.parametrize(("fewest", "batch_size", "few"), [(1, 9, 1), (3, 9, 3), (1, 32, 4)])
def test_a_part_stands_for_a_slow_batch_and_the_optimizer_counts_once(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, fewest: int, batch_size: int, few: int
) -> None:
    now_s, timed = 0.0, []

    def step(_: object, batch: Batch, *, lr_factor: float) -> None:
        nonlocal now_s
        timed.append(len(batch.inputs))
        now_s += 2.0 * len(batch.inputs)

    def update(*_: object, **__: object) -> None:
        nonlocal now_s
        now_s += 50.0

    monkeypatch.setattr(plan_module, "fewest_to_share", lambda _, **__: fewest)
    monkeypatch.setattr(plan_module.time, "perf_counter", lambda: now_s)
    monkeypatch.setattr(plan_module.Stepper, "step", step)
    monkeypatch.setattr(Optimizers, "step", update)
    config = TrainingConfig(batch_size=batch_size)
    step_s = plan_module.measure_step_s(model_for(corpus), corpus, config=config, precision=FP32)
    assert step_s == 2.0 * batch_size + 50.0
    assert timed == [few, few]


def test_the_part_is_of_as_many_windows_as_are_shared_in_the_runs_precision(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def fewest(_: object, *, seq_length: int, least: int) -> int:
        asked.append(least)
        return 1

    monkeypatch.setattr(plan_module, "fewest_to_share", fewest)
    model, config = model_for(corpus), TrainingConfig(batch_size=9)
    plan_module.measure_step_s(model, corpus, config=config, precision=FP32)
    assert asked == [least_chars(model.config.hidden_size, FP32)]


def test_the_trial_computes_as_the_run_will(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    real = plan_module.Stepper.step

    def step(self: plan_module.Stepper, batch: Batch, *, lr_factor: float) -> StepResult:
        seen.append(self.model.activation_checkpointing)
        return real(self, batch, lr_factor=lr_factor)

    monkeypatch.setattr(plan_module.Stepper, "step", step)
    plan_for(corpus, epochs=1, activation_checkpointing=True)
    assert seen
    assert all(seen)


@pytest.mark.usefixtures("two_seconds_a_step")
def test_the_plan_tells_of_data_vocabulary_and_model(corpus: Corpus) -> None:
    plan = plan_for(corpus, epochs=1)
    assert (plan.train.chars, plan.validation.chars) == (900, 100)
    assert (plan.vocab_size, plan.num_characters) == (272, 10)
    assert plan.num_parameters == sum(p.numel() for p in model_for(corpus).parameters())
    assert plan.data == ("letters.txt",)


@pytest.mark.parametrize("longest_trial_s", [0.0, 1e9], ids=["window", "batch"])
def test_the_trial_takes_time_and_touches_no_weight(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, longest_trial_s: float
) -> None:
    monkeypatch.setattr(plan_module, "LONGEST_TRIAL_S", longest_trial_s)
    model = model_for(corpus)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    step_s = plan_module.measure_step_s(model, corpus, config=TrainingConfig(), precision=FP32)
    assert step_s > 0
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_planning_takes_no_more_memory_than_the_run_itself(corpus: Corpus, optimizer: str) -> None:
    # Wide layers and few characters: nearly all memory is weights, gradients and moments.
    limits: dict[str, Any] = {"optimizer": optimizer, "batch_size": 2, "max_steps": 2}

    def wide() -> Transformer:
        return model_for(corpus, hidden_size=128, num_layers=2)

    trained = peak_bytes(lambda: list(trainer_of(wide(), corpus, **limits).run()))
    assert trained > 3 * weight_bytes(wide())
    assert peak_bytes(lambda: plan_for(corpus, model=wide(), **limits)) <= trained


def test_nothing_of_the_trial_is_left_in_memory(corpus: Corpus) -> None:
    with PeakBytes() as counted:
        model = model_for(corpus, hidden_size=128)
        plan_for(corpus, model=model, max_steps=2)
        gc.collect()
        assert counted.now <= 1.01 * weight_bytes(model)  # the weights, laid end to end


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_the_run_is_the_same_to_the_bit_with_and_without_a_plan(
    corpus: Corpus, optimizer: str
) -> None:
    limits: dict[str, Any] = {"optimizer": optimizer, "max_steps": 3}
    trained = []
    for is_planned in (False, True):
        model = model_for(corpus, dropout=0.2).train()
        with torch.no_grad():  # a step of no length makes +0.0 of some of these
            model.h[0].attn.c_attn.weight[::2, ::2] = -0.0
        torch.manual_seed(7)
        if is_planned:
            before = bits_of(model)
            plan_for(corpus, model=model, **limits)
            assert bits_of(model) == before
        list(trainer_of(model, corpus, **limits).run())
        trained.append((bits_of(model), torch.get_rng_state().tolist()))
    assert trained[0] == trained[1]


def test_a_trial_for_which_memory_is_too_small_leaves_the_model_as_it_was(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def step(self: plan_module.Stepper, *_: object, **__: object) -> None:
        torch.rand(3)
        self.model.activation_checkpointing = True
        raise OutOfMemoryError("memory ran out")

    monkeypatch.setattr(plan_module.Stepper, "step", step)
    model = model_for(corpus)
    before, random = bits_of(model), torch.get_rng_state()
    with pytest.raises(OutOfMemoryError):
        plan_for(corpus, model=model, max_steps=2)
    assert bits_of(model) == before
    assert torch.equal(torch.get_rng_state(), random)
    assert not model.activation_checkpointing
    assert all(parameter.grad is None for parameter in model.parameters())


def trainer_of(model: Transformer, corpus: Corpus, **limits: Any) -> Trainer:
    config = TrainingConfig(**{"batch_size": 9, "epochs": None, **limits})
    return Trainer(
        model,
        train=corpus.train,
        validation=corpus.validation,
        config=config,
        precision=FP32,
    )


def weight_bytes(model: Transformer) -> int:
    return sum(parameter.nbytes for parameter in model.parameters())


def bits_of(model: Transformer) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()}
