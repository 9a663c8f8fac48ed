"""A run by the clock measures by as little text as its time allows."""

from typing import Any

import pytest

from lumina_cli.core.checkpoint.model_file import ModelFile, load_model
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.recipes.finetune import measuring
from lumina_cli.recipes.finetune.measuring import NUM_PASSES, with_quick_measuring
from lumina_cli.recipes.finetune.settings import finetune_settings
from lumina_cli.recipes.train.compute import choose_compute
from tests.unit.recipes.finetune.test_settings import text_of
from tests.unit.recipes.tiny import tiny_run


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> ModelFile:
    folder = tmp_path_factory.mktemp("base")
    list(tiny_run(folder).run())
    return load_model(folder / "Model.pth")


def measured_by(base: ModelFile, **flags: Any) -> TrainingConfig:
    settings = finetune_settings(base, flags=flags, environ={})
    compute = choose_compute(settings)
    return with_quick_measuring(settings, base, text=text_of(500), compute=compute).of(
        TrainingConfig
    )


def test_all_that_is_read_to_measure_takes_a_twentieth_of_the_minutes(
    base: ModelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "_chars_per_s", lambda *_, **__: 1_600.0)
    config = measured_by(base, minutes=2.0)
    assert config.eval_chars * NUM_PASSES / 1_600 == pytest.approx(0.05 * 120, rel=0.01)
    assert config.num_evals == 3


def test_how_fast_a_model_reads_is_found_out(base: ModelFile) -> None:
    assert 1 <= measured_by(base, minutes=1e-6).eval_chars < 100
    assert measured_by(base, minutes=10_000.0).eval_chars == 100_000


def test_without_minutes_all_stays(base: ModelFile) -> None:
    assert measured_by(base).eval_chars == 100_000
    assert measured_by(base).num_evals == 10


def test_what_a_person_names_stays(base: ModelFile) -> None:
    config = measured_by(base, minutes=1e-6, eval_chars=5_000, num_evals=7)
    assert (config.eval_chars, config.num_evals) == (5_000, 7)
