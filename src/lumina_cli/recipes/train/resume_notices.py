"""What a person should know before a run goes on."""

import torch

from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.step.stepper import Stepper
from lumina_cli.recipes.train.resume import Resumed, trainer_state
from lumina_cli.recipes.train.resume_checks import differences

BATCH_SETTINGS = ("batch_size", "grad_accum", "micro_batch_size")
"""Settings that decide in which micro-batches a step is done."""


def end_notices(resumed: Resumed, config: TrainingConfig) -> list[str]:
    """Tell where a run has reached its end already, so that nothing is learnt any more."""
    state = trainer_state(resumed.found.checkpoint, path=resumed.found.path).train_state
    done = {
        "max_steps": state.num_steps,
        "epochs": state.epoch + state.is_epoch_over,
        "minutes": state.elapsed_s / 60,
    }
    for name, number in done.items():
        limit = getattr(config, name)
        if limit is not None and number >= limit:
            flag = f"--{name.replace('_', '-')}"
            return [
                f"nothing is left to learn: {number:,.6g} of {limit:,.6g} {name} are done; "
                f"to go on, ask for more with {flag}"
            ]
    return []


def memory_notices(resumed: Resumed, stepper: Stepper) -> list[str]:
    """Say where steps are done in other micro-batches, for more memory is free than was, or less.

    Nothing where the batches or the number of threads differ: that is told already.
    """
    saved, settings = resumed.metadata["settings"], resumed.settings.values()
    threads = resumed.metadata.get("machine", {}).get("threads")
    has_other_batches = any(saved.get(name) != settings[name] for name in BATCH_SETTINGS)
    then = trainer_state(resumed.found.checkpoint, path=resumed.found.path).train_state
    if not then.num_workers or has_other_batches or threads != torch.get_num_threads():
        return []
    return differences(
        _windows_and_threads(stepper.largest, stepper.num_workers),
        then=_windows_and_threads(then.largest_micro_batch, then.num_workers),
    )


def _windows_and_threads(windows_at_once: int, num_workers: int) -> dict[str, object]:
    return {
        "number of windows at once": windows_at_once,
        "number of threads that share a step": num_workers,
    }
