"""What the files of a run tell about it."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lumina_cli.recipes.finetune.base import Base
from lumina_cli.recipes.run.saving.metadata import is_of_replies, make_checkpoint, model_metadata
from lumina_cli.recipes.train.job import TrainJob
from tests.unit.recipes.tiny import evaluated, tiny_run


@pytest.fixture
def job(tmp_path: Path) -> TrainJob:
    return tiny_run(tmp_path).job


def based(job: TrainJob, **metadata: Any) -> TrainJob:
    return replace(job, base=Base(Path("/old/Base.pth"), "digest of it", 262, metadata))


def test_a_model_tells_how_it_came_to_be_and_how_good_it_is(job: TrainJob) -> None:
    told = model_metadata(job, evaluated(7, nats_per_char=1.5, accuracy=0.25))
    assert told["trained_on"] == [str(job.out.parent / "text.txt")]
    assert (told["steps"], told["train_chars"], told["conversations"]) == (7, 900, 0)
    assert (told["val_nats_per_char"], told["val_accuracy"]) == (1.5, 0.25)
    assert told["learnt_from"][0]["fingerprint"] == job.data.fingerprint
    assert {"lineage", "kept_nats_per_char", "share_of_learnt"}.isdisjoint(told)
    json.dumps(told, allow_nan=False)


def test_what_was_not_measured_is_not_told(job: TrainJob) -> None:
    told = model_metadata(job, evaluated(nats_per_char=math.nan))
    assert {"val_nats_per_char", "val_accuracy"}.isdisjoint(told)
    json.dumps(told, allow_nan=False)


def test_a_tuned_model_tells_of_its_base_and_of_what_it_gave_up(job: TrainJob) -> None:
    old = {"paths": ["old.txt"], "settings": {}, "seed": 0}
    job = based(
        job,
        lineage=[{"base": "Grandmother.pth"}],
        learnt_from=[old],
        sampling={"temperature": 0.3},
        trained_on=["old.txt"],
    )
    told = model_metadata(job, evaluated(base_loss=1.75, alpha=0.5))
    assert (told["kept_nats_per_char"], told["share_of_learnt"]) == (1.75, 0.5)
    grandmother, mother = told["lineage"]
    assert grandmother == {"base": "Grandmother.pth"}
    assert (mother["base"], mother["base_digest"]) == ("Base.pth", "digest of it")
    assert mother["base_trained_on"] == ["old.txt"]
    assert told["learnt_from"][0] == old
    assert told["sampling"] == {"temperature": 0.3}


def test_a_text_that_is_learnt_again_is_told_once_and_last(job: TrainJob) -> None:
    latest = model_metadata(job, evaluated())["learnt_from"][0]
    old = {"paths": ["old.txt"], "settings": {}, "seed": 0}
    again = model_metadata(based(job, learnt_from=[latest, old]), evaluated())
    assert again["learnt_from"] == [old, latest]


@pytest.mark.parametrize(
    ("metadata", "is_of_them"),
    [
        ({"loss_on": "bot", "conversations": 3}, True),
        ({"loss_on": "bot", "conversations": 0}, False),
        ({"loss_on": "bot"}, False),
        ({"loss_on": "all", "conversations": 3}, False),
        ({}, False),
    ],
)
def test_quality_is_of_replies_where_they_alone_count(
    metadata: dict[str, object], is_of_them: bool
) -> None:
    assert is_of_replies(metadata) is is_of_them


def test_a_checkpoint_tells_all_that_is_asked_for_when_the_run_goes_on(tmp_path: Path) -> None:
    run = tiny_run(tmp_path)
    checkpoint = make_checkpoint(run.job, run.trainer.state_dict())
    told = checkpoint.metadata
    assert told["settings"] == run.job.settings.values()
    assert told["data"] == [str(tmp_path / "text.txt")]
    assert told["val_data"] == []
    assert told["corpus"] == run.job.data.corpus.key
    assert "base" not in told
    assert checkpoint.state["num_steps"] == 0
    tuned = make_checkpoint(based(run.job), run.trainer.state_dict())
    assert tuned.metadata["base"]["digest"] == "digest of it"
    json.dumps(told, allow_nan=False)
