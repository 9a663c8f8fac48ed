"""What a run of training is to do."""

import dataclasses
import time
from pathlib import Path

import pytest

from lumina_cli.core.model.peft_config import FULL_FINETUNING
from lumina_cli.recipes.train.job import TrainJob
from tests.unit.recipes.tiny import tiny_job


def plain(job: TrainJob) -> TrainJob:
    """The same job with nothing said that need not be."""
    return TrainJob(
        job.settings,
        config=job.config,
        out=job.out,
        compute=job.compute,
        data=job.data,
        model=job.model,
    )


def test_where_nothing_else_is_said_all_of_a_new_model_learns(tmp_path: Path) -> None:
    job = plain(tiny_job(tmp_path))
    assert job.peft == FULL_FINETUNING
    assert (job.base, job.replay, job.resumed) == (None, None, None)
    assert (job.replay_data.train, job.retention.texts, job.notices) == ((), (), ())


def test_its_minutes_count_from_when_it_was_made(tmp_path: Path) -> None:
    before_s = time.monotonic()
    first = plain(tiny_job(tmp_path))
    assert before_s <= first.started_s <= plain(first).started_s <= time.monotonic()


def test_it_is_decided_in_full_and_stays_so(tmp_path: Path) -> None:
    job = plain(tiny_job(tmp_path))
    with pytest.raises(dataclasses.FrozenInstanceError):
        job.out = tmp_path  # type: ignore[misc]
    assert job != plain(job)  # two runs are two, though they do the same
