"""Where a run is in its text: which batch comes next, and what an epoch was like."""

from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.events import EpochDone
from lumina_cli.core.training.schedule.window_length import window_length
from lumina_cli.core.training.state import TrainState
from lumina_cli.data.batches import Batch, EpochBatches, Replay
from lumina_cli.data.corpus.dataset import TokenDataset


class Epochs:
    """The batches of one epoch after another; what comes next is decided by the state alone.

    Args:
        train: what is learnt from.
        config: batch size, seed, and where windows begin.
        seq_length: of the model.
        replay: older text to mix in.
        state: of the run.
    """

    def __init__(
        self,
        train: TokenDataset,
        *,
        config: TrainingConfig,
        seq_length: int,
        replay: Replay | None,
        state: TrainState,
    ) -> None:
        self.train = train
        self.config = config
        self.seq_length = seq_length
        self.replay = replay
        self.shuffle(state)

    def shuffle(self, state: TrainState) -> None:
        """Take the batches of the epoch; a step reads as much whatever the windows' length.

        Where windows grow within an epoch it goes on at the same share of the text, cut anew.
        """
        length = self._window_length(state)
        self.batches = EpochBatches(
            self.train,
            seq_length=length,
            batch_size=self.config.windows_per_step * self.seq_length // length,
            seed=self.config.seed,
            epoch=state.epoch,
            replay=self.replay,
        )

    def grow_windows(self, state: TrainState) -> None:
        """Take longer windows where it is time for them."""
        if self.batches.seq_length != self._window_length(state):
            self.shuffle(state)
        # Longer windows may be cut into fewer batches, here or before a resume.
        state.batch_index = min(state.batch_index, len(self.batches) - 1)

    def last_batch(self, state: TrainState) -> Batch:
        """Return the batch that was tried last."""
        return self.batches[max(state.batch_index - 1, 0)]

    def passes(self, state: TrainState, *, further: int = 0) -> float:
        """Return how many passes over the text are done, and will be `further` batches on."""
        return state.epoch + (state.batch_index + further) / len(self.batches)

    def end(self, state: TrainState, *, elapsed_s: float) -> EpochDone:
        """Begin the next epoch; return what the last one was like."""
        num_steps = max(state.epoch_steps, 1)
        done = EpochDone(
            epoch=state.epoch,
            step=state.num_steps,
            loss=state.epoch_loss / num_steps,
            accuracy=state.epoch_accuracy / num_steps,
            learning_rate=state.learning_rate,
            seconds=elapsed_s - state.epoch_elapsed_s,
            elapsed_s=elapsed_s,
        )
        state.epoch += 1
        state.batch_index = state.epoch_steps = 0
        state.epoch_loss = state.epoch_accuracy = 0.0
        state.epoch_elapsed_s = elapsed_s
        state.is_epoch_over = False
        self.shuffle(state)
        return done

    def _window_length(self, state: TrainState) -> int:
        return window_length(
            state.progress, first=self.config.start_seq_length, last=self.seq_length
        )
