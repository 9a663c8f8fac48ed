"""A run on a rank that is not the first: it learns with the others, and writes nothing."""

from collections.abc import Iterator

from lumina_cli.core.memory import none_on_oom
from lumina_cli.recipes.run.events import RunEvent
from lumina_cli.recipes.run.run import TrainingRun
from lumina_cli.recipes.train.job import TrainJob


class FollowingRun(TrainingRun):
    """Does the part of a training job that all ranks do; it leaves no report."""

    def run(self) -> Iterator[RunEvent]:
        """Train until the first rank, as all do, has reached the end.

        Raises:
            LuminaError: as for the first rank.
        """
        self._begin_training()
        for event in self.trainer.run():
            if self._is_save_due(event):
                self.saver.note_saving()
                none_on_oom(self.trainer.state_dict)  # the first one writes it
            yield event


def make_run(job: TrainJob) -> TrainingRun:
    """Return what does a job on this rank."""
    return TrainingRun(job) if job.compute.rank.index == 0 else FollowingRun(job)
