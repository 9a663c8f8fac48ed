"""How long a pass over data would take, measured as a run would do it."""

from pathlib import Path

import pytest
import torch

from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.recipes.infer import throughput
from lumina_cli.settings import TRAIN_CONFIGS, resolve_settings
from tests.recipes.train.test_pretrain import prepare


def test_steps_are_tried_in_the_pieces_in_which_a_run_does_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(prepare(tmp_path, max_steps=1).run())
    pieces = []

    def measure_step_s(*_: object, config: TrainingConfig, **__: object) -> float:
        pieces.append(config.micro_batch_size)
        return 2.0

    monkeypatch.setattr(throughput, "measure_step_s", measure_step_s)
    settings = resolve_settings(TRAIN_CONFIGS, flags={"batch_size": 999}, environ={})
    found = throughput.estimate_epoch_time(
        tmp_path / "Model.pth", data=[tmp_path / "text.txt"], settings=settings
    )
    assert pieces == [torch.get_num_threads() * 2_048 // 16]
    assert found.seconds == 2.0 * found.steps
