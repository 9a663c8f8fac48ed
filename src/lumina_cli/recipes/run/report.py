"""What a run of training came to."""

import time
from dataclasses import dataclass
from pathlib import Path

from lumina_cli.core.checkpoint.model_file import load_model
from lumina_cli.core.memory import peak_memory_bytes
from lumina_cli.core.training.events import Finished, StopReason
from lumina_cli.data.stats.ngrams import CountingLoss
from lumina_cli.io.shell_word import shell_word
from lumina_cli.recipes.finetune.base import Base
from lumina_cli.recipes.infer.starter_eval import StarterEvalResult, evaluate_starter
from lumina_cli.recipes.run.reached import Reached, what_was_reached
from lumina_cli.recipes.run.saving.metadata import is_of_replies
from lumina_cli.recipes.train.job import TrainJob
from lumina_cli.settings import DEFAULT_FINETUNED, DEFAULT_MODEL


@dataclass(frozen=True, slots=True)
class TrainReport:
    """What a run came to; `starter_eval` where the starter corpus was learnt to the end.

    Where it `is_of_replies`, validation counts what the bot says and nothing else.
    `base` is what was fine-tuned, `base_loss` what the model is worth now on the text
    that was learnt before, `share` how much of what was learnt it has, `is_replayed` whether old
    text was repeated, `characters_added` those that have an id since, and `reached` what the loss
    means.
    """

    model: Path
    run_folder: Path
    steps: int
    best_nats_per_char: float | None
    chars_per_s: float
    peak_memory_bytes: int
    seconds: float
    stop_reason: StopReason
    starter_eval: StarterEvalResult | None = None
    is_of_replies: bool = False
    base_loss: float | None = None
    share: float = 1.0
    base: Base | None = None
    is_replayed: bool = False
    characters_added: str = ""
    reached: Reached | None = None


def make_report(
    job: TrainJob,
    finished: Finished,
    *,
    run_folder: Path,
    chars_per_s: float,
    counting: CountingLoss | None,
) -> TrainReport:
    """Return what a run came to; the best model is read back for it.

    Raises:
    LuminaError: the model can't be read.
    """
    best = load_model(job.out, device=job.compute.device)
    has_time = finished.reason not in ("interrupted", "minutes")
    has_starter_eval = job.data.source.is_starter and has_time
    return TrainReport(
        model=job.out,
        run_folder=run_folder,
        steps=finished.step,
        best_nats_per_char=best.metadata.get("val_nats_per_char"),
        chars_per_s=chars_per_s,
        peak_memory_bytes=peak_memory_bytes(job.compute.device),
        seconds=time.monotonic() - job.started_s,
        stop_reason=finished.reason,
        starter_eval=evaluate_starter(best.model, best.tokenizer) if has_starter_eval else None,
        is_of_replies=is_of_replies(best.metadata),
        base_loss=best.metadata.get("kept_nats_per_char"),
        share=float(best.metadata.get("share_of_learnt", 1.0)),
        base=job.base,
        is_replayed=job.replay is not None,
        characters_added=_characters_added(job),
        reached=what_was_reached(
            best.metadata.get("val_nats_per_char"),
            corpus=job.data.corpus,
            config=job.config,
            reason=finished.reason,
            counting=counting,
        ),
    )


def _characters_added(job: TrainJob) -> str:
    if job.base is None:
        return ""
    return job.data.corpus.tokenizer.added_characters(job.base.vocab_size)


def resume_command(model: Path, *, is_fine_tuned: bool) -> str:
    """Return what to type to go on with the run that writes a model."""
    command, usual = ("finetune", DEFAULT_FINETUNED) if is_fine_tuned else ("train", DEFAULT_MODEL)
    out = "" if model == usual else f" --out {shell_word(model)}"
    return f"lumina {command} --resume{out}"
