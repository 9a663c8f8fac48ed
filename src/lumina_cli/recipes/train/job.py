"""What a run of training is to do: decided in full before anything of it begins."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lumina_cli.core.model.peft_config import FULL_FINETUNING, PeftConfig
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.validation.retention import RetentionLimit
from lumina_cli.data.batches import Replay
from lumina_cli.recipes.finetune.base import Base
from lumina_cli.recipes.finetune.replay import ReplayData
from lumina_cli.recipes.train.compute import Compute
from lumina_cli.recipes.train.resume import Resumed
from lumina_cli.recipes.train.training_data import TrainingData
from lumina_cli.settings import Settings


@dataclass(frozen=True, eq=False)
class TrainJob:
    """A model, what it is to learn from, and how.

    Args:
        settings: of the command.
        config: the training settings among them, as memory allows them.
        out: the model file to write.
        compute: what it computes on; the model is there.
        data: to learn from.
        model: to train.
        peft: which parts of it learn.
        base: the model it comes from, if it does.
        replay_data: what was learnt before.
        retention: of that, what is not to be forgotten.
        replay: how much of that is repeated.
        plan_rows: what the plan tells of this run alone, by name.
        resumed: the run to go on with, if it is not a new one.
        notices: what a person should know before it begins.
        started_s: when the command began (`time.monotonic`), from which `minutes` count.
    """

    settings: Settings
    config: TrainingConfig
    out: Path
    compute: Compute
    data: TrainingData
    model: Transformer
    peft: PeftConfig = FULL_FINETUNING
    base: Base | None = None
    replay_data: ReplayData = field(default_factory=ReplayData)
    retention: RetentionLimit = field(default_factory=RetentionLimit)
    replay: Replay | None = None
    plan_rows: Mapping[str, str] = field(default_factory=dict)
    resumed: Resumed | None = None
    notices: tuple[str, ...] = ()
    started_s: float = field(default_factory=time.monotonic)
