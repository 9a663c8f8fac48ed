"""Which model is chosen when only the time is given."""

from pathlib import Path
from typing import Any

import pytest
import torch

from lumina_cli.conversation import PlainText
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.precision import choose_precision
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.data.config import DataConfig
from lumina_cli.data.corpus.corpus import Corpus, load_corpus
from lumina_cli.errors import OutOfMemoryError
from lumina_cli.recipes.train import autosize as module
from lumina_cli.recipes.train import compute as compute_module
from lumina_cli.recipes.train.autosize import Choice, autosize, explain, is_free
from lumina_cli.recipes.train.compute import Compute
from lumina_cli.settings import TRAIN_CONFIGS, Settings, resolve_settings
from lumina_cli.tokenizer.base import Tokenizer
from lumina_cli.tokenizer.bpe.tokenizer import BpeTokenizer

COMPUTE = Compute(torch.device("cpu"), choose_precision("fp32", device=torch.device("cpu")))


def settings(**flags: Any) -> Settings:
    return resolve_settings(TRAIN_CONFIGS, flags={"minutes": 3, **flags}, environ={})


def corpus(folder: Path, *, num_chars: int, tokenizer: Tokenizer | None = None) -> Corpus:
    return load_corpus(
        lambda: [PlainText("abcdefghij" * (num_chars // 10))],
        fingerprint=str(num_chars),
        config=DataConfig(),
        seed=0,
        folder=folder,
        tokenizer=tokenizer,
    )


@pytest.fixture
def machine_speed(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """A machine on which a step takes 6 operations a parameter and character, nothing else."""
    speed = {"operations_per_s": 1e11}

    def step_s(model: Transformer, _: Corpus, *, config: TrainingConfig, **__: Any) -> float:
        num = sum(parameter.numel() for parameter in model.parameters())
        chars = config.windows_per_step * model.config.seq_length
        return 6 * num * chars / speed["operations_per_s"]

    monkeypatch.setattr(module, "measure_step_s", step_s)
    return speed


def chosen(folder: Path, *, seconds: float, num_chars: int = 2_000_000) -> Choice:
    text = corpus(folder, num_chars=num_chars)
    return autosize(settings(), corpus=text, compute=COMPUTE, seconds=seconds)


@pytest.mark.parametrize(
    ("seconds", "hidden_size", "num_layers"),
    [
        (5, 64, 2),
        (8, 64, 3),
        (20, 96, 2),
        (45, 96, 3),
        (120, 96, 4),
        (300, 128, 4),
        (400, 160, 4),
        (1_000, 192, 4),
    ],
)
def test_the_largest_model_that_reads_enough_is_chosen(
    tmp_path: Path,
    machine_speed: dict[str, float],
    seconds: float,
    hidden_size: int,
    num_layers: int,
) -> None:
    # 0.9 · seconds · 1e11 / (6 · P) characters are read and 3 · P are wanted, so that P is at
    # most √(seconds · 5e9): 0.16, 0.20, 0.32, 0.47, 0.77, 1.22, 1.41 and 2.2 million. The rungs
    # hold 0.14, 0.18, 0.28, 0.39, 0.50, 0.86, 1.3 and 1.9 million, the next 4.1.
    values = chosen(tmp_path, seconds=seconds).values
    assert (values["hidden_size"], values["num_layers"]) == (hidden_size, num_layers)


def test_a_short_run_measures_by_less_text(tmp_path: Path, machine_speed: dict[str, float]) -> None:
    machine_speed["operations_per_s"] = 1e10
    evaluated = [chosen(tmp_path, seconds=s).values["eval_chars"] for s in (10, 300, 3_600)]
    assert evaluated[0] == module.MIN_EVAL_CHARS
    assert evaluated[0] < evaluated[1] <= evaluated[2] == TrainingConfig().eval_chars


def test_a_faster_machine_gets_a_larger_model(
    tmp_path: Path, machine_speed: dict[str, float]
) -> None:
    slow = chosen(tmp_path, seconds=180)
    machine_speed["operations_per_s"] *= 20
    fast = chosen(tmp_path, seconds=180)
    assert fast.num_parameters > slow.num_parameters


def test_wide_models_keep_the_usual_rate_of_adamw(
    tmp_path: Path, machine_speed: dict[str, float]
) -> None:
    small = chosen(tmp_path, seconds=20).values
    machine_speed["operations_per_s"] *= 100
    large = chosen(tmp_path, seconds=600).values
    assert (small["hidden_size"], small["learning_rate"]) == (96, 6e-3)
    assert large["hidden_size"] >= 256  # type: ignore[operator]
    assert large["learning_rate"] == 3e-3


@pytest.mark.parametrize(("seconds", "windows"), [(58, (32, 128)), (115, (128, 256))])
def test_windows_grow_from_shorter_ones_where_time_is_short(
    tmp_path: Path, machine_speed: dict[str, float], seconds: float, windows: tuple[int, int]
) -> None:
    values = chosen(tmp_path, seconds=seconds).values
    assert (values["start_seq_length"], values["seq_length"]) == windows


@pytest.mark.parametrize(
    ("num_chars", "passes", "dropout"),
    [(500_000, 8, 0.0), (350_000, 11, 0.1), (120_000, 33, 0.2)],
)
def test_a_model_that_would_learn_its_text_by_heart_gets_dropout(
    tmp_path: Path,
    machine_speed: dict[str, float],
    num_chars: int,
    passes: int,
    dropout: float,
) -> None:
    choice = chosen(tmp_path, seconds=120, num_chars=num_chars)
    assert choice.num_parameters == 499_776
    assert choice.num_chars / (0.9 * num_chars) == pytest.approx(passes, abs=0.5)
    assert choice.values["dropout"] == dropout


def test_a_text_of_few_pieces_is_learnt_by_heart_sooner(
    tmp_path: Path, machine_speed: dict[str, float]
) -> None:
    pairs = [(left, right) for left, right in ("ab", "cd", "ef", "gh", "ij")]
    pieces = BpeTokenizer("abcdefghij", pairs, chars_per_id=2.0)
    text = corpus(tmp_path, num_chars=500_000, tokenizer=pieces)
    choice = autosize(settings(), corpus=text, compute=COMPUTE, seconds=60)
    # On both sides of 13: 17 by the 225,000 ids, half of that by the characters.
    passes = choice.num_chars / text.train.num_chars
    assert passes * choice.num_parameters / 225_000 == pytest.approx(17, abs=1)
    assert choice.values["dropout"] == 0.1


def test_a_short_text_gets_a_small_model_and_dropout(
    tmp_path: Path, machine_speed: dict[str, float]
) -> None:
    choice = chosen(tmp_path, seconds=3_600, num_chars=20_000)
    assert choice.num_parameters <= module.PARAMETERS_PER_CHAR * 20_000
    assert choice.values["dropout"] == 0.2


def test_what_is_named_is_not_chosen(tmp_path: Path, machine_speed: dict[str, float]) -> None:
    text = corpus(tmp_path, num_chars=100_000)
    named = settings(optimizer="adamw", dropout=0.3)
    choice = autosize(named, corpus=text, compute=COMPUTE, seconds=60)
    assert not {"optimizer", "dropout"} & choice.values.keys()
    assert choice.values["learning_rate"] == 3e-3  # without Muon it is for all matrices


def test_a_model_that_does_not_fit_is_not_chosen(
    tmp_path: Path, machine_speed: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    large = chosen(tmp_path, seconds=1_000)
    need = large.num_parameters * 16
    monkeypatch.setattr(compute_module, "available_memory_bytes", lambda device: need)
    small = chosen(tmp_path, seconds=1_000)
    assert small.num_parameters < large.num_parameters


def test_a_model_that_runs_out_of_memory_on_trial_is_not_chosen(
    tmp_path: Path, machine_speed: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = module.measure_step_s

    def step_s(model: Transformer, *args: Any, **kwargs: Any) -> float:
        if model.config.hidden_size > widest:
            raise MemoryError
        return measure(model, *args, **kwargs)

    monkeypatch.setattr(module, "measure_step_s", step_s)
    widest = 96
    assert chosen(tmp_path, seconds=1_000).values["hidden_size"] == 96
    widest = 0
    with pytest.raises(OutOfMemoryError):
        chosen(tmp_path, seconds=1_000)


@pytest.mark.parametrize(
    ("flags", "free"),
    [
        ({}, True),
        ({"optimizer": "adamw"}, True),
        ({"hidden_size": 64}, False),
        ({"batch_size": 8}, False),
        ({"minutes": None}, False),
    ],
)
def test_a_model_is_chosen_only_where_time_alone_is_named(
    flags: dict[str, Any], free: bool
) -> None:
    assert is_free(settings(**flags)) == free


def test_a_preset_is_a_choice_of_its_own() -> None:
    chosen = resolve_settings(TRAIN_CONFIGS, flags={"minutes": 3}, environ={}, preset="small")
    assert not is_free(chosen)


def test_the_choice_is_explained_in_figures(
    tmp_path: Path, machine_speed: dict[str, float]
) -> None:
    named = settings(learning_rate=0.01)
    text = corpus(tmp_path, num_chars=2_000_000)
    choice = autosize(named, corpus=text, compute=COMPUTE, seconds=120)
    told = explain(choice, chosen=named.replaced(choice.values, source="--minutes"))
    assert told == (
        "chosen for 3 min on this machine: 96 wide, 4 layers (0.5 M parameters), windows of 128 "
        "growing to 256, 2,048 characters a step, rotary positions, dropout 0, learning rate 0.01 "
        "(muon 0.014); it will read about 3.6 M characters, 7 for each parameter "
        "(a larger one would read fewer than 3)"
    )


@pytest.mark.parametrize(
    ("num_chars", "operations_per_s", "why"),
    [(20_000, 1e11, "by heart"), (2_000_000, 1e10, "fewer than 3"), (2_000_000, 1e18, "")],
)
def test_why_no_larger_model_was_chosen_is_told(
    tmp_path: Path,
    machine_speed: dict[str, float],
    monkeypatch: pytest.MonkeyPatch,
    num_chars: int,
    operations_per_s: float,
    why: str,
) -> None:
    monkeypatch.setattr(compute_module, "available_memory_bytes", lambda _: None)
    monkeypatch.setattr(module, "CANDIDATES", module.CANDIDATES[:6])
    machine_speed["operations_per_s"] = operations_per_s
    choice = chosen(tmp_path, seconds=60, num_chars=num_chars)
    assert why in choice.why_no_larger
    assert bool(why) == bool(choice.why_no_larger)
