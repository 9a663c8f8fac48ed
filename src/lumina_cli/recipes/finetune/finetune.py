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
from lumina_cli.core.training.evaluate import evaluate
from lumina_cli.core.training.finetune_config import REPLAY_AUTO, FinetuneConfig
from lumina_cli.data.batches import Replay, spread_batches
from lumina_cli.data.config import DataConfig
from lumina_cli.data.dataset import TokenDataset
from lumina_cli.errors import OutputError
from lumina_cli.io.run_folder import check_free
from lumina_cli.recipes.data.sources import leaks
from lumina_cli.recipes.finetune.base import Base, Before, base_from_facts, base_of
from lumina_cli.recipes.finetune.facts import finetune_facts, length_notices
from lumina_cli.recipes.finetune.grown import grown_model
from lumina_cli.recipes.finetune.new_characters import find_newcomers
from lumina_cli.recipes.finetune.replay import OldText, find_old_text
from lumina_cli.recipes.finetune.retention import retention_limit
from lumina_cli.recipes.finetune.settings import (
    choose_peft,
    choose_replay,
    idle_settings,
    with_enough_passes,
)
from lumina_cli.recipes.run.run import TrainingRun
from lumina_cli.recipes.run.run_backup import earlier_notices
from lumina_cli.recipes.train.job import (
    Compute,
    TrainingData,
    TrainJob,
    check_resumed,
    choose_compute,
    fit_to_machine,
    read_training_data,
)
from lumina_cli.recipes.train.resume import Resumed
from lumina_cli.settings import Settings
from lumina_cli.tokenizer.base import Tokenizer

MEASURED_AT_ONCE = 16
"""Windows, when the base model is measured."""


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
    check_free(out)
    machine = choose_compute(settings)
    base, tokenizer = base_of(model, loaded), loaded.tokenizer
    material = _read(settings, data=data, val_data=val_data, tokenizer=tokenizer)
    old = _old_text(base, settings, tokenizer=tokenizer)
    as_base_reads = material.corpus
    if material.corpus.tokenizer != tokenizer:
        as_base_reads = read_training_data(
            settings, data=data, val_data=val_data, tokenizer=tokenizer
        ).corpus
    before = _measure_base(
        loaded, settings, new=as_base_reads.validation, old=old.validation, machine=machine
    )
    return _run(
        settings,
        model=grown_model(
            loaded,
            corpus=material.corpus,
            old=[*old.train, *old.validation],
            config=settings.of(ModelConfig),
            seed=settings.of(TrainingConfig).seed,
        ),
        base=replace(base, before=before),
        out=out,
        machine=machine,
        material=material,
        old=old,
        started_s=started_s,
    )


def go_on_finetuning(
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
    check_free(resumed.out)
    settings, checkpoint = resumed.settings, resumed.found.checkpoint
    machine = choose_compute(settings)
    base = base_from_facts(checkpoint.metadata["base"], path=resumed.found.path)
    tokenizer = checkpoint.tokenizer.truncated(base.vocab_size)
    material = _read(
        settings,
        data=data or resumed.data,
        val_data=val_data or resumed.val_data,
        tokenizer=tokenizer,
    )
    notices = check_resumed(resumed, material, machine)
    return _run(
        settings,
        model=Transformer(
            settings.of(ModelConfig), vocab_size=material.corpus.tokenizer.vocab_size
        ),
        base=base,
        out=resumed.out,
        machine=machine,
        material=replace(material, notices=(*material.notices, *notices)),
        old=_old_text(base, settings, tokenizer=tokenizer),
        started_s=started_s,
        resumed=resumed,
    )


def _run(
    settings: Settings,
    *,
    model: Transformer,
    base: Base,
    out: Path,
    machine: Compute,
    material: TrainingData,
    old: OldText,
    started_s: float,
    resumed: Resumed | None = None,
) -> TrainingRun:
    """Return the run of a model that has its new rows already."""
    corpus = material.corpus
    replay = choose_replay(settings, old.train)
    if resumed is None:
        settings = with_enough_passes(settings, corpus.train)
    newcomers = find_newcomers(
        corpus,
        base_vocab_size=base.vocab_size,
        min_count=settings.of(DataConfig).min_char_count,
        expands=settings.of(FinetuneConfig).expand_vocab,
    )
    retention = retention_limit(
        settings, model, base=base, old=old, replays=replay is not None, resumed=resumed
    )
    keeps_start = bool(retention.base_weights)
    peft = choose_peft(settings, num_new=len(newcomers.added), keeps_start=keeps_start)
    fit = fit_to_machine(
        settings, vocab_size=corpus.tokenizer.vocab_size, machine=machine, peft=peft
    )
    on_device = {name: t.to(machine.device) for name, t in retention.base_weights.items()}
    model = apply_peft(model, peft, generator=make_generator(fit.config.seed, "adapters"))
    return TrainingRun(
        TrainJob(
            settings,
            config=fit.config,
            out=out,
            machine=machine,
            material=material,
            model=model.to(machine.device),
            peft=peft,
            base=base,
            old=old,
            retention=replace(retention, base_weights=on_device),
            replay=replay,
            facts=finetune_facts(
                settings, base=base, newcomers=newcomers, old=old, replay=replay, peft=peft
            ),
            resumed=resumed,
            notices=(
                *material.notices,
                *(earlier_notices(out) if resumed is None else ()),
                *newcomers.notices(max_new_chars=settings.of(FinetuneConfig).max_new_chars),
                *length_notices(settings, corpus),
                *old.notices,
                *_repeated_leaks(settings, replay, val_data=material.val_data),
                *idle_settings(
                    settings, repeats=bool(old.train), measures=base.before.kept is not None
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
    return leaks([Path(named)], val_data)


def _check_apart(model: Path, out: Path) -> None:
    """Refuse to write over the base model, by whatever name."""
    if out.absolute() == model.absolute() or (out.exists() and out.samefile(model)):
        raise OutputError(
            f"{out} is the model to begin from, which is never written over",
            hint=f"Name another file: --out {_free_name(model)}",
        )


def _free_name(model: Path) -> Path:
    """Return the first of Model-2.pth, Model-3.pth, … that nothing has."""
    return next(
        path
        for number in count(2)
        if not (path := model.with_name(f"{model.stem}-{number}{model.suffix}")).exists()
    )


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


def _old_text(base: Base, settings: Settings, *, tokenizer: Tokenizer) -> OldText:
    return find_old_text(
        base,
        config=settings.of(FinetuneConfig),
        data=settings.of(DataConfig),
        tokenizer=tokenizer,
    )


def _measure_base(
    loaded: ModelFile,
    settings: Settings,
    *,
    new: TokenDataset,
    old: Sequence[TokenDataset],
    machine: Compute,
) -> Before:
    """Return what the base model is worth as it is, on the new text and on the old."""
    model = loaded.model.to(machine.device)

    def nats(texts: Sequence[TokenDataset]) -> float | None:
        batches = spread_batches(
            texts,
            seq_length=model.config.seq_length,
            batch_size=MEASURED_AT_ONCE,
            max_chars=settings.of(TrainingConfig).eval_chars,
        )
        evaluation = evaluate(
            model, batches, tokenizer=loaded.tokenizer, precision=machine.precision
        )
        return evaluation.nats_per_char if evaluation.characters else None

    return Before(new=nats([new]), kept=nats(old) if old else None)
