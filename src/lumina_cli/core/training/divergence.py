"""When training diverges: what is counted, when it is too much, and where to go on."""

from lumina_cli.core.training.events import Evaluated, LossSpiked, RolledBack
from lumina_cli.core.training.state import TrainState
from lumina_cli.errors import DivergedError

MAX_ROLLBACKS = 2
SKIPS_IN_A_ROW = 3
WINDOW = 1_000
MAX_SKIPS = WINDOW // 100
"""More than 1 % of the last batches."""

SPIKE_RATIO = 1.5
SPIKE_NATS = 0.5
SPIKES_AFTER = 50
"""A loss is a spike when it is so much above the usual one; the first steps are unruly."""

WORSE_RATIO, WORSE_NATS = 1.1, 0.1
"""A model that is so much worse than an untrained one is not so by chance."""

_EMA_WEIGHT = 0.05


def count_good(loss: float, state: TrainState) -> None:
    """Count a step that was done."""
    state.skips_in_a_row = 0
    usual = state.ema_loss
    state.first_loss = loss if state.first_loss is None else state.first_loss
    state.ema_loss = loss if usual is None else usual + _EMA_WEIGHT * (loss - usual)


def count_skip(state: TrainState) -> None:
    """Count a batch that was skipped."""
    state.skips_in_a_row += 1
    oldest = state.num_attempts - WINDOW
    kept = [attempt for attempt in state.recent_skips if attempt > oldest]
    state.recent_skips = [*kept, state.num_attempts]


def has_diverged(state: TrainState) -> bool:
    """Whether so many batches were skipped that going on would not help."""
    too_often = len(state.recent_skips) > MAX_SKIPS
    return state.skips_in_a_row >= SKIPS_IN_A_ROW or too_often


def is_worse_than_untrained(nats_per_char: float, state: TrainState) -> bool:
    """Whether a model says clearly less of the validation text than before the first step."""
    untrained = state.untrained_val_loss
    return untrained is not None and nats_per_char > untrained * WORSE_RATIO + WORSE_NATS


def has_unlearnt(evaluated: Evaluated, state: TrainState) -> bool:
    """Whether a run has lost all that it learnt: the training text, too, is harder than at first.

    A model that overfits may say less of the validation text than an untrained one, but more of
    the text that it learns.
    """
    first, usual = state.first_loss, state.ema_loss
    if not evaluated.is_worse_than_untrained or first is None or usual is None:
        return False
    return usual > first * WORSE_RATIO


def diverged(state: TrainState) -> DivergedError:
    """Return the error that ends a run which going back did not help."""
    why = "loss or gradient is no longer a number"
    if not has_diverged(state):
        why = "the model says less of the text than before it was trained"
    kept = " The best model so far is kept." if state.best_step is not None else ""
    return DivergedError(
        f"training diverged at step {state.num_steps}: {why} "
        f"(epoch {state.epoch + 1}, batch {state.batch_index}"
        f"{', after going back twice' if state.num_rollbacks else ''})",
        hint=f"Use a lower --learning-rate.{kept}",
    )


def find_spike(loss: float, state: TrainState) -> LossSpiked | None:
    """Return that a loss is far above what is usual by now, where it is."""
    usual = state.ema_loss
    if usual is None or state.num_steps < SPIKES_AFTER:
        return None
    is_spike = loss > usual * SPIKE_RATIO and loss > usual + SPIKE_NATS
    return LossSpiked(state.num_steps, loss, usual) if is_spike else None


def roll_back(good: TrainState, *, now: TrainState) -> TrainState:
    """Return the state to go on with: that of a good one, but

    behind the data that led astray, if that is what did, at half the learning rate, with the time
    that was spent and the memory limit that was found.
    """
    at = now if has_diverged(now) else good
    return good.model_copy(
        update={
            "epoch": at.epoch,
            "batch_index": at.batch_index,
            "is_epoch_over": at.is_epoch_over,
            "num_attempts": now.num_attempts,
            "epoch_loss": 0.0,
            "epoch_accuracy": 0.0,
            "epoch_steps": 0,
            "epoch_elapsed_s": now.epoch_elapsed_s,
            "elapsed_s": now.elapsed_s,
            "micro_batch_size": now.micro_batch_size,
            "activation_checkpointing": now.activation_checkpointing,
            "lr_scale": now.lr_scale / 2,
            "num_rollbacks": now.num_rollbacks + 1,
            "skips_in_a_row": 0,
            "recent_skips": [],
        },
        deep=True,
    )


def rolled_back(now: TrainState, *, to: TrainState) -> RolledBack:
    """Return what is told once a run has gone back from where it was."""
    return RolledBack(
        from_step=now.num_steps,
        step=to.num_steps,
        epoch=now.epoch,
        batch_index=now.batch_index - 1 if has_diverged(now) else None,
        lr_scale=to.lr_scale,
    )
