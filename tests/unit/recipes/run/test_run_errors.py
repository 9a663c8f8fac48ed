"""What is told of a run that can't go on."""

from pathlib import Path

import pytest

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.data.batches import EpochBatches
from lumina_cli.errors import DivergedError, OutOfMemoryError
from lumina_cli.recipes.run import run_errors as module
from lumina_cli.recipes.run.run_errors import diverged_on, too_large
from lumina_cli.recipes.train.job import TrainJob
from tests.unit.recipes.tiny import VERSE, tiny_job


@pytest.fixture
def job(tmp_path: Path) -> TrainJob:
    return tiny_job(tmp_path)


def test_the_text_on_which_training_diverged_is_named_and_quoted(job: TrainJob) -> None:
    batch = EpochBatches(job.data.corpus.train, seq_length=16, batch_size=4, seed=0, epoch=0)[0]
    told = diverged_on(DivergedError("it diverged", hint="lower"), batch, job.data)
    assert told.message.startswith(f"it diverged, in {job.out.parent / 'text.txt'} about '")
    assert told.hint == "lower"
    quoted = told.message.split(" about ")[1].strip("'").encode().decode("unicode_escape")
    assert quoted[1:] in VERSE
    assert len(quoted) == 16


def hidden_size(hint: str) -> int:
    return int(hint.split("--hidden-size ")[1].split()[0])


def test_a_model_that_would_fit_is_named(job: TrainJob, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    for free in (None, 1 << 40, 1 << 20):
        monkeypatch.setattr(module, "available_memory_bytes", lambda _, free=free: free)
        job.model.config = ModelConfig(hidden_size=512, num_layers=4, num_heads=8, seq_length=128)
        told = too_large(OutOfMemoryError("memory ran out"), job)
        assert told.message == "memory ran out"
        assert told.hint.startswith("Train a smaller model: --hidden-size")
        sizes.append(hidden_size(told.hint))
    # However much is free now, it was too little; the less there is, the smaller.
    assert sizes[0] == sizes[1] < 512
    assert sizes[2] < sizes[1]
