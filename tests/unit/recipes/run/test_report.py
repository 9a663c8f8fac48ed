"""What a run came to."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lumina_cli.core.training.events import Finished, StopReason
from lumina_cli.core.training.validation.retention import RetentionLimit
from lumina_cli.recipes.finetune.base import Base
from lumina_cli.recipes.infer.starter_eval import StarterEvalResult
from lumina_cli.recipes.run import report as module
from lumina_cli.recipes.run.report import TrainReport, make_report
from lumina_cli.recipes.run.saving.best_model import BestModelSaver
from lumina_cli.recipes.train.job import TrainJob
from tests.unit.recipes.tiny import CHAT, evaluated, tiny_run


@pytest.fixture
def job(tmp_path: Path) -> TrainJob:
    """A job whose model is saved."""
    run = tiny_run(tmp_path, CHAT, loss_on="bot")
    base = {name: tensor.clone() for name, tensor in run.job.model.state_dict().items()}
    job = replace(run.job, retention=RetentionLimit(base_weights=base))
    best = evaluated(5, nats_per_char=1.5, base_loss=1.25, alpha=0.75)
    BestModelSaver(job, saver=run.saver).save(best)
    return job


def report_of(job: TrainJob, reason: StopReason = "max_steps") -> TrainReport:
    finished = Finished(9, reason, 1.0)
    folder = job.out.with_suffix(".run")
    return make_report(job, finished, run_folder=folder, chars_per_s=12.5, counting=None)


@pytest.fixture
def job_at(job: TrainJob) -> Callable[[float], TrainJob]:
    def begun(seconds_ago: float) -> TrainJob:
        return replace(job, started_s=module.time.monotonic() - seconds_ago)

    return begun


def test_figures_are_those_of_the_model_that_is_kept(job: TrainJob) -> None:
    report = report_of(job)
    assert (report.best_nats_per_char, report.base_loss, report.share) == (1.5, 1.25, 0.75)
    assert (report.steps, report.stop_reason, report.chars_per_s) == (9, "max_steps", 12.5)
    assert report.is_of_replies
    assert report.peak_memory_bytes > 1_000_000


def test_its_seconds_are_those_of_the_whole_command(job_at: Callable[[float], TrainJob]) -> None:
    assert report_of(job_at(1_000.0)).seconds >= 1_000


@pytest.mark.parametrize(
    ("reason", "is_asked"),
    [("epochs", True), ("patience", True), ("minutes", False), ("interrupted", False)],
)
def test_the_starter_corpus_ends_with_questions_where_there_is_time(
    job: TrainJob, monkeypatch: pytest.MonkeyPatch, reason: StopReason, is_asked: bool
) -> None:
    result = StarterEvalResult((), ())
    monkeypatch.setattr(module, "evaluate_starter", lambda *_: result)
    assert report_of(job, reason).starter_eval is None
    starter = replace(job.data, source=replace(job.data.source, names=("starter",)))
    found = report_of(replace(job, data=starter), reason).starter_eval
    assert found is (result if is_asked else None)


def test_characters_that_have_an_id_since_are_told(job: TrainJob) -> None:
    assert report_of(job).characters_added == ""
    tokenizer = job.data.corpus.tokenizer
    base = Base(Path("Base.pth"), "", tokenizer.vocab_size - 2, {})
    report = report_of(replace(job, base=base))
    assert len(report.characters_added) == 2
    assert report.base is base
