"""Everything a run needs to go on to the bit: counters, and tensors beside them."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict
from torch import Tensor

WEIGHTS, ADAPTERS, OPTIMIZER, RANDOM = "model/", "adapter/", "optimizer/", "random/"
START = "start/"
"""How the names of tensors begin."""


class TrainState(BaseModel):
    """Where a run is, as plain numbers; what is not in here is not known after a resume.

    `num_attempts` counts batches, learnt from or skipped; `recent_skips` are the attempts
    that were skipped of late; `share` is that of what was learnt that the newest evaluation
    found allowed; `elapsed_s` is the time spent training, pauses apart; `micro_batch_size` is
    what memory was enough for after it had run out, else 0; `largest_micro_batch` and
    `num_workers` are what the run was begun with, or gone on with (0: not kept yet);
    `eval_chars` is by how many it is measured, where the clock left time for fewer than asked.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    num_steps: int = 0
    num_attempts: int = 0
    epoch: int = 0
    batch_index: int = 0
    progress: float = 0.0
    learning_rate: float = 0.0
    elapsed_s: float = 0.0
    step_s: float = 0.0
    epoch_loss: float = 0.0
    epoch_accuracy: float = 0.0
    epoch_steps: int = 0
    epoch_elapsed_s: float = 0.0
    is_epoch_over: bool = False
    evaluations_done: int = 0
    evaluated_step: int = -1
    evaluation_s: float = 0.0
    eval_chars: int = 0
    save_s: float = 0.0
    share: float = 1.0
    best_nats: float | None = None
    best_step: int | None = None
    num_worse: int = 0
    usual_loss: float | None = None
    lr_scale: float = 1.0
    num_rollbacks: int = 0
    skips_in_a_row: int = 0
    recent_skips: list[int] = []
    micro_batch_size: int = 0
    largest_micro_batch: int = 0
    num_workers: int = 0
    steps_at_size: int = 0
    recomputes: bool = False
    optimizer_steps: int = 0
    loss_scale: float = 1.0
    good_steps: int = 0


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A run between two steps.

    The tensors are the live ones: write or clone them before the run goes on.
    """

    counters: TrainState
    tensors: dict[str, Tensor]

    def clone(self) -> "Snapshot":
        """Return a state that the run can't change any more."""
        tensors = {name: tensor.detach().clone() for name, tensor in self.tensors.items()}
        return Snapshot(self.counters.model_copy(deep=True), tensors)
