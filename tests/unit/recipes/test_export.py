from pathlib import Path

import numpy as np
import pytest

from lumina_cli.core.checkpoint.model_file import load_model, save_model
from lumina_cli.errors import ExportError, MissingInputError, UsageError
from lumina_cli.export.job import ExportJob
from lumina_cli.export.targets import TARGETS, Target
from lumina_cli.recipes.export import ExportOptions, export_model, publication_of
from tests.unit.recipes.tiny import tiny_model, tiny_run


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[ExportJob]:
    """What would be exported: nothing is written but a name."""
    seen: list[ExportJob] = []

    def export(job: ExportJob, path: Path) -> None:
        seen.append(job)
        path.write_text(job.dtype, encoding="utf-8")

    monkeypatch.setitem(TARGETS, "hf", Target(export, ".txt", ("fp32", "fp16"), "a package"))
    return seen


def silent(_: str) -> None: ...


def test_it_is_compared_on_the_validation_sample(tmp_path: Path, jobs: list[ExportJob]) -> None:
    list(tiny_run(tmp_path).run())
    report = export_model(tmp_path / "Model.pth", ExportOptions(to="hf"), tell=silent)
    assert (report.path, report.num_bytes) == (tmp_path / "Model.txt", 4)
    (job,) = jobs
    windows = job.comparer.windows
    assert windows.inputs.shape[1] == job.file.model.config.seq_length
    assert "the dog sat on the" in job.file.tokenizer.decode(windows.inputs.reshape(-1))


def test_without_a_sample_it_is_compared_on_the_starter_corpus(
    tmp_path: Path, jobs: list[ExportJob]
) -> None:
    tokenizer = load_model(_saved(tmp_path)).tokenizer
    export_model(tmp_path / "Own.pth", ExportOptions(to="hf"), tell=silent)
    windows = jobs[0].comparer.windows
    assert windows.inputs.shape == (64, 16)
    assert np.all(windows.inputs < tokenizer.vocab_size)
    assert "the" in tokenizer.decode(windows.inputs.reshape(-1))


def _saved(folder: Path) -> Path:
    from lumina_cli.tokenizer.characters import CharacterTokenizer

    tokenizer = CharacterTokenizer("abc")
    model = tiny_model(tokenizer.vocab_size)
    save_model(folder / "Own.pth", model=model, tokenizer=tokenizer, metadata={})
    return folder / "Own.pth"


def test_the_training_text_is_left_out_where_that_is_asked_for(
    tmp_path: Path, jobs: list[ExportJob]
) -> None:
    list(tiny_run(tmp_path).run())
    for training_text in (True, False):
        options = ExportOptions(to="hf", training_text=training_text)
        export_model(tmp_path / "Model.pth", options, tell=silent)
    with_text, without = (job.file for job in jobs)
    assert "trained_on" in with_text.metadata
    assert with_text.draft is not None
    assert "trained_on" not in without.metadata
    assert without.draft is None


def test_a_data_type_that_the_target_has_not_is_refused(
    tmp_path: Path, jobs: list[ExportJob]
) -> None:
    with pytest.raises(UsageError, match="no weights in int8") as told:
        export_model(_saved(tmp_path), ExportOptions(to="hf", dtype="int8"), tell=silent)
    assert told.value.hint == "Use: --dtype fp32 or fp16"
    assert not jobs


def test_what_was_not_checked_is_not_published(tmp_path: Path, jobs: list[ExportJob]) -> None:
    report = export_model(_saved(tmp_path), ExportOptions(to="hf", push="me/bot"), tell=silent)
    with pytest.raises(ExportError, match="was not checked, and so it is not published"):
        publication_of(report, "me/bot")


def test_a_page_alone_can_be_a_folder(tmp_path: Path, jobs: list[ExportJob]) -> None:
    with pytest.raises(UsageError, match="--folder is for --to web"):
        export_model(_saved(tmp_path), ExportOptions(to="hf", folder=True), tell=silent)
    assert not jobs


def test_a_model_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError):
        export_model(tmp_path / "None.pth", ExportOptions(to="hf"), tell=silent)
