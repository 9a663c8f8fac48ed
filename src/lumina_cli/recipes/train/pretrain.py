"""Training from nothing: data in, a fresh model to train on it."""

import time
from collections.abc import Sequence
from pathlib import Path

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import build_model
from lumina_cli.core.seeding import make_generator
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.data.corpus.builder import Tell, untold
from lumina_cli.io.folders.run_folder import check_free
from lumina_cli.recipes.data.sources import usual_data
from lumina_cli.recipes.run.ranks.following import make_run
from lumina_cli.recipes.run.run import TrainingRun
from lumina_cli.recipes.run.run_backup import backup_notices
from lumina_cli.recipes.train.autosize import autosize, explain, is_free
from lumina_cli.recipes.train.compute import Compute, choose_compute, fit_on_all
from lumina_cli.recipes.train.job import TrainJob
from lumina_cli.recipes.train.resume import Resumed
from lumina_cli.recipes.train.resume_checks import check_resumed
from lumina_cli.recipes.train.text_size import too_little_text
from lumina_cli.recipes.train.training_data import TrainingData, read_training_data
from lumina_cli.settings import Settings


def pretrain(
    settings: Settings,
    *,
    data: Sequence[Path],
    out: Path,
    val_data: Sequence[Path] = (),
    started_s: float | None = None,
    resumed: Resumed | None = None,
    tell: Tell = untold,
) -> TrainingRun:
    """Return a run that trains a model from nothing, or goes on with one.

    Args:
        settings: of the command.
        data: paths to train on; none for the preset's or the usual data.
        out: the model file.
        val_data: paths for validation alone.
        started_s: when the command began (`time.monotonic`), from which `minutes` count.
        resumed: the run to go on with, if it is not a new one.
        tell: is told what is being done.

    Raises:
        LuminaError: data, settings or machine don't allow the run.
    """
    started_s = time.monotonic() if started_s is None else started_s
    compute = choose_compute(settings)
    if compute.rank.index == 0:
        check_free(out)
    training_data = compute.rank.in_turn(
        lambda: read_training_data(
            settings,
            data=data or _default_data(settings),
            val_data=val_data,
            learnt=resumed.learnt if resumed else None,
            tell=tell,
        )
    )
    notices = list(training_data.notices)
    if resumed is not None:
        notices += check_resumed(resumed, training_data.corpus, device=compute.device)
    if resumed is None or resumed.is_elsewhere:
        notices += backup_notices(out)
    if resumed is None and is_free(settings):
        settings, chosen = _choose(settings, training_data, compute, started_s=started_s)
        notices.append(chosen)
    vocab_size = training_data.corpus.tokenizer.vocab_size
    if resumed is None:
        counts = training_data.corpus.train_counts
        too_little = too_little_text(
            settings.of(ModelConfig), num_chars=counts.chars, vocab_size=vocab_size
        )
        notices += [too_little] if too_little else []
    fit = fit_on_all(settings, vocab_size=vocab_size, compute=compute)
    model = build_model(
        settings.of(ModelConfig),
        vocab_size=vocab_size,
        generator=make_generator(fit.config.seed, "weights"),
    )
    return make_run(
        TrainJob(
            settings,
            config=fit.config,
            out=out,
            compute=compute,
            data=training_data,
            model=model.to(compute.device),
            resumed=resumed,
            notices=(*notices, *fit.notices),
            started_s=started_s,
        )
    )


def _choose(
    settings: Settings, training_data: TrainingData, compute: Compute, *, started_s: float
) -> tuple[Settings, str]:
    """Return settings with a model that fits the time, chosen by the first rank, and why."""
    minutes = settings.of(TrainingConfig).minutes
    assert minutes is not None
    seconds = minutes * 60 - (time.monotonic() - started_s)
    choice = None
    if compute.rank.index == 0:
        choice = autosize(settings, corpus=training_data.corpus, compute=compute, seconds=seconds)
    values = compute.rank.broadcast({} if choice is None else dict(choice.values))
    chosen = settings.replaced(values, source="--minutes")
    return chosen, "" if choice is None else explain(choice, chosen=chosen)


def _default_data(settings: Settings) -> list[Path]:
    preset = settings.preset
    return [Path(preset.data)] if preset and preset.data else usual_data()
