"""What a person should know before a run begins."""

from lumina_cli.core.training.parallel.threads import num_workers
from lumina_cli.core.training.step.stepper import Stepper
from lumina_cli.recipes.train.job import TrainJob
from lumina_cli.recipes.train.resume_notices import end_notices, memory_notices


def run_notices(job: TrainJob, *, stepper: Stepper, of_sharing: str | None) -> tuple[str, ...]:
    """Return a line for each thing there is to know.

    Args:
        job: to be done.
        stepper: that does it, memory having been tried.
        of_sharing: what there is to say of processes that share the work.
    """
    notices = [*job.settings.notices]
    if job.resumed is not None:
        notices += job.resumed.notices
        notices += end_notices(job.resumed, job.config)
        notices += memory_notices(job.resumed, stepper)
    notices += job.notices
    if of_sharing is not None:
        notices.append(of_sharing)
    if stepper.workers is None and stepper.may_share and num_workers(job.compute.device) > 1:
        notices.append(
            "memory is short: threads can't share steps, which is slower; close other programs"
        )
    return tuple(notices)
