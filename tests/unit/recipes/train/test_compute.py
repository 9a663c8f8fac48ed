"""What a command needs before it can train: here, settings that fit the machine."""

from typing import Any

import pytest
import torch

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.memory_estimate import training_memory
from lumina_cli.core.precision import choose_precision
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.optim.muon import scratch_bytes
from lumina_cli.recipes.train import compute as compute_module
from lumina_cli.recipes.train import memory_fit as fit_module
from lumina_cli.recipes.train.compute import Compute, fit_to_device
from lumina_cli.recipes.train.memory_fit import MARGIN
from lumina_cli.settings import TRAIN_CONFIGS, resolve_settings

COMPUTE = Compute(torch.device("cpu"), choose_precision("fp32", device=torch.device("cpu")))


def fit(**flags: Any) -> TrainingConfig:
    settings = resolve_settings(TRAIN_CONFIGS, flags=flags, environ={})
    return fit_to_device(settings, vocab_size=350, compute=COMPUTE).config


def test_a_cpu_takes_fewer_windows_at_once_unless_more_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compute_module, "available_memory_bytes", lambda _: None)
    assert fit().micro_batch_size == 4  # of 512 characters, for one thread
    assert fit(seq_length=64).micro_batch_size == 16  # the whole batch
    assert fit(micro_batch_size=16).micro_batch_size == 16


def test_threads_that_share_steps_take_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = training_memory(ModelConfig(), vocab_size=350, batch_size=4).total / MARGIN
    monkeypatch.setattr(compute_module, "available_memory_bytes", lambda _: int(alone) + 1)
    assert fit().micro_batch_size == 4
    monkeypatch.setattr(fit_module, "num_workers", lambda _: 4)
    assert fit().micro_batch_size == 2
    assert fit(compile="on").micro_batch_size == 4


def test_what_muon_needs_for_a_moment_is_counted_and_adamw_needs_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def windows_at_once(optimizer: str, *, spare_bytes: int) -> object:
        needed = training_memory(
            ModelConfig(), vocab_size=350, batch_size=4, optimizer=optimizer
        ).total
        free = int(needed / MARGIN) + spare_bytes
        monkeypatch.setattr(compute_module, "available_memory_bytes", lambda _: free)
        return fit(optimizer=optimizer).micro_batch_size

    assert windows_at_once("adamw", spare_bytes=1) == 4
    assert windows_at_once("muon", spare_bytes=1) == 2
    assert windows_at_once("muon", spare_bytes=scratch_bytes(torch.device("cpu")) + 1) == 4
