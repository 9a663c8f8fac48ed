"""Fine-tuning: a model that is there already learns on, from text of one's own."""

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

from lumina_cli.core.checkpoint.model_file import ModelFile
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.peft import apply_peft
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.seeding import make_generator
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.finetune_config import REPLAY_AUTO, FinetuneConfig
from lumina_cli.data.batches import Replay
from lumina_cli.data.config import DataConfig
from lumina_cli.errors import OutputError
from lumina_cli.io.folders.run_folder import check_free
from lumina_cli.io.folders.run_names import MODEL_SUFFIX, model_name
from lumina_cli.io.names import fitting_stem
from lumina_cli.io.shell_word import shell_word
from lumina_cli.recipes.data.sources import contamination
from lumina_cli.recipes.finetune.base import Base, base_from_facts, base_of, evaluate_base
from lumina_cli.recipes.finetune.measuring import with_quick_measuring
from lumina_cli.recipes.finetune.new_characters import add_new_characters, find_new_characters
from lumina_cli.recipes.finetune.plan import finetune_plan_rows, length_notices
from lumina_cli.recipes.finetune.replay import REPLAY_FINGERPRINT, ReplayData, find_replay_data
from lumina_cli.recipes.finetune.retention import retention_limit
from lumina_cli.recipes.finetune.settings import (
    choose_peft,
    choose_replay,
    unused_finetune_settings,
    with_enough_passes,
)
from lumina_cli.recipes.run.ranks.following import make_run
from lumina_cli.recipes.run.run import TrainingRun
from lumina_cli.recipes.run.run_backup import backup_notices
from lumina_cli.recipes.train.compute import Compute, choose_compute, fit_on_all
from lumina_cli.recipes.train.job import TrainJob
from lumina_cli.recipes.train.resume import Resumed
from lumina_cli.recipes.train.resume_checks import check_resumed
from lumina_cli.recipes.train.training_data import TrainingData, read_training_data
from lumina_cli.settings import Settings
from lumina_cli.tokenizer.base import Tokenizer


def finetune(
    settings: Settings,
    *,
    model: Path,
    loaded: ModelFile,
    data: Sequence[Path],
    out: Path,
    val_data: Sequence[Path] = (),
    started_s: float | None = None,
) -> TrainingRun:
    """Return a run that trains a model on.

    Args:
        settings: of the command (see `finetune_settings`).
        model: the model file.
        loaded: what it holds.
        data: paths to learn from.
        out: the model file to write.
        val_data: paths for validation alone.
        started_s: when the command began (`time.monotonic`), from which `minutes` count.

    Raises:
        LuminaError: data, settings or machine don't allow the run.
    """
    started_s = time.monotonic() if started_s is None else started_s
    _check_apart(model, out)
    compute = choose_compute(settings)
    if compute.rank.index == 0:
        check_free(out)
    base, tokenizer = base_of(model, loaded), loaded.tokenizer
    training_data, replay_data = compute.rank.in_turn(
        lambda: (
            _read(settings, data=data, val_data=val_data, tokenizer=tokenizer),
            _replay_data(base, settings, tokenizer=tokenizer),
        )
    )
    as_base_reads = training_data.corpus
    if training_data.corpus.tokenizer != tokenizer:
        as_base_reads = compute.rank.in_turn(
            lambda: (
                read_training_data(
                    settings, data=data, val_data=val_data, tokenizer=tokenizer
                ).corpus
            )
        )
    settings = with_quick_measuring(
        settings, loaded, text=as_base_reads.validation, compute=compute
    )
    loss = evaluate_base(
        loaded,
        settings,
        new=as_base_reads.validation,
        replay=replay_data.validation,
        compute=compute,
    )
    return _run(
        settings,
        model=add_new_characters(
            loaded,
            corpus=training_data.corpus,
            replay_texts=[*replay_data.train, *replay_data.validation],
            config=settings.of(ModelConfig),
            seed=settings.of(TrainingConfig).seed,
        ),
        base=replace(base, loss=loss),
        out=out,
        compute=compute,
        training_data=training_data,
        replay_data=replay_data,
        started_s=started_s,
    )


def resume_finetune(
    resumed: Resumed,
    *,
    data: Sequence[Path] = (),
    val_data: Sequence[Path] = (),
    started_s: float | None = None,
) -> TrainingRun:
    """Return a run that goes on where it was left; the base model's file is not needed.

    Args:
        resumed: the run.
        data: where its text lies now, if not where it did.
        val_data: the same for validation.
        started_s: as for `finetune`.

    Raises:
        LuminaError: as for `finetune`, or the data is other data.
    """
    started_s = time.monotonic() if started_s is None else started_s
    settings, checkpoint = resumed.settings, resumed.found.checkpoint
    compute = choose_compute(settings)
    if compute.rank.index == 0:
        check_free(resumed.out)
    base = base_from_facts(checkpoint.metadata["base"], path=resumed.found.path)
    tokenizer = checkpoint.tokenizer.truncated(base.vocab_size)
    training_data, replay_data = compute.rank.in_turn(
        lambda: (
            _read(
                settings,
                data=data or resumed.data,
                val_data=val_data or resumed.val_data,
                tokenizer=tokenizer,
            ),
            _replay_data(
                base, settings, tokenizer=tokenizer, told_fingerprint=_told_fingerprint(resumed)
            ),
        )
    )
    notices = check_resumed(resumed, training_data.corpus, device=compute.device)
    return _run(
        settings,
        model=Transformer(
            settings.of(ModelConfig), vocab_size=training_data.corpus.tokenizer.vocab_size
        ),
        base=base,
        out=resumed.out,
        compute=compute,
        training_data=replace(training_data, notices=(*training_data.notices, *notices)),
        replay_data=replay_data,
        started_s=started_s,
        resumed=resumed,
    )


def _run(
    settings: Settings,
    *,
    model: Transformer,
    base: Base,
    out: Path,
    compute: Compute,
    training_data: TrainingData,
    replay_data: ReplayData,
    started_s: float,
    resumed: Resumed | None = None,
) -> TrainingRun:
    """Return the run of a model that has its new rows already."""
    corpus = training_data.corpus
    replay = choose_replay(settings, replay_data.train)
    if resumed is None:
        settings = with_enough_passes(settings, corpus.train)
    new_characters = find_new_characters(
        corpus,
        base_vocab_size=base.vocab_size,
        min_count=settings.of(DataConfig).min_char_count,
        expands=settings.of(FinetuneConfig).expand_vocab,
    )
    retention = retention_limit(
        settings,
        model,
        base=base,
        replay_data=replay_data,
        replays=replay is not None,
        resumed=resumed,
    )
    keeps_start = bool(retention.base_weights)
    peft = choose_peft(settings, num_new=len(new_characters.added), keeps_start=keeps_start)
    fit = fit_on_all(settings, vocab_size=corpus.tokenizer.vocab_size, compute=compute, peft=peft)
    on_device = {name: t.to(compute.device) for name, t in retention.base_weights.items()}
    model = apply_peft(model, peft, generator=make_generator(fit.config.seed, "adapters"))
    return make_run(
        TrainJob(
            settings,
            config=fit.config,
            out=out,
            compute=compute,
            data=training_data,
            model=model.to(compute.device),
            peft=peft,
            base=base,
            replay_data=replay_data,
            retention=replace(
                retention,
                base_weights=on_device,
                max_loss=compute.rank.broadcast(retention.max_loss),
            ),
            replay=replay,
            plan_rows=finetune_plan_rows(
                settings,
                base=base,
                new_characters=new_characters,
                replay_data=replay_data,
                replay=replay,
                peft=peft,
            ),
            resumed=resumed,
            notices=(
                *training_data.notices,
                *(backup_notices(out) if resumed is None or resumed.is_elsewhere else ()),
                *new_characters.notices(max_new_chars=settings.of(FinetuneConfig).max_new_chars),
                *length_notices(settings, corpus),
                *replay_data.notices,
                *_repeated_leaks(settings, replay, val_data=training_data.val_data),
                *unused_finetune_settings(
                    settings, repeats=bool(replay_data.train), measures=base.loss.replay is not None
                ),
                *fit.notices,
            ),
            started_s=started_s,
        )
    )


def _repeated_leaks(
    settings: Settings, replay: Replay | None, *, val_data: Sequence[Path]
) -> list[str]:
    """Tell of validation files that `--replay PATH` lets the model learn from."""
    named = settings.of(FinetuneConfig).replay
    if replay is None or named == REPLAY_AUTO:
        return []
    return contamination([Path(named)], val_data)


def _check_apart(model: Path, out: Path) -> None:
    """Refuse to write over the base model, by whatever name."""
    if out.absolute() == model.absolute() or (out.exists() and out.samefile(model)):
        raise OutputError(
            f"{out} is the model to begin from, which is never written over",
            hint=f"Name another file: --out {shell_word(_free_name(model))}",
        )


def _free_name(model: Path) -> Path:
    """Return the first of Model-2.pth, Model-3.pth, … that nothing has."""
    for number in count(2):
        ending = f"-{number}{MODEL_SUFFIX}"
        stem = fitting_stem(model, stem=model_name(model), endings=[ending])
        path = model.with_name(stem + ending)
        if not path.exists():
            return path
    raise AssertionError("numbers don't end")


def _read(
    settings: Settings, *, data: Sequence[Path], val_data: Sequence[Path], tokenizer: Tokenizer
) -> TrainingData:
    config = settings.of(FinetuneConfig)
    return read_training_data(
        settings,
        data=data,
        val_data=val_data,
        tokenizer=tokenizer,
        max_new_chars=config.max_new_chars if config.expand_vocab else 0,
    )


def _replay_data(
    base: Base, settings: Settings, *, tokenizer: Tokenizer, told_fingerprint: str | None = None
) -> ReplayData:
    return find_replay_data(
        base,
        config=settings.of(FinetuneConfig),
        data=settings.of(DataConfig),
        tokenizer=tokenizer,
        told_fingerprint=told_fingerprint,
    )


def _told_fingerprint(resumed: Resumed) -> str | None:
    """Return what a checkpoint tells of the text that it names; None where the user names it."""
    if "replay" in resumed.settings.sources:
        return None
    return str(resumed.metadata.get(REPLAY_FINGERPRINT, ""))
