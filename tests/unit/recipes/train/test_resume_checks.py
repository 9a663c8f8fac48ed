"""What is not as it was when a run was left (whole runs are in tests/recipes)."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lumina_cli.errors import DataError, OutputError
from lumina_cli.recipes.train.resume import Resumed, find_run
from lumina_cli.recipes.train.resume_checks import check_resumed, check_unchanged
from tests.unit.recipes.tiny import source_and_corpus, tiny_run, written


def found(folder: Path) -> Resumed:
    """The run of two steps that has ended there."""
    list(tiny_run(folder).run())
    return find_run(None, out=None, default_out=folder / "Model.pth", flags={})


def test_other_data_is_refused_and_another_machine_told(tmp_path: Path) -> None:
    run, device = found(tmp_path), torch.device("cpu")
    _, corpus = source_and_corpus(tmp_path / "text.txt")
    _, other = source_and_corpus(written(tmp_path, "something else " * 50, name="other.txt"))
    assert check_resumed(run, replace(corpus, key=run.metadata["corpus"]), device=device) == []
    with pytest.raises(DataError, match="is not what"):
        check_resumed(run, other, device=device)
    machine = {**run.metadata["machine"], "threads": 99}
    checkpoint = replace(run.found.checkpoint, metadata={**run.metadata, "machine": machine})
    elsewhere = replace(run, found=replace(run.found, checkpoint=checkpoint))
    same = replace(corpus, key=run.metadata["corpus"])
    (notice,) = check_resumed(elsewhere, same, device=device)
    assert "was 99" in notice


def test_a_run_that_another_has_gone_on_with_is_left_alone(tmp_path: Path) -> None:
    run = found(tmp_path)
    check_unchanged(run)
    (run.found.path.parent / "step-00000009.pth").write_bytes(b"of another run")
    with pytest.raises(OutputError, match="another run has trained"):
        check_unchanged(run)
