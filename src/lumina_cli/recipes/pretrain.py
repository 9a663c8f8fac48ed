"""Training from nothing, or on from a checkpoint: data in, a model file out."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch

from lumina_cli.conversation import Message
from lumina_cli.core.checkpoint import lock
from lumina_cli.core.checkpoint.config import CheckpointConfig
from lumina_cli.core.checkpoint.format import Checkpoint, load_model, save_model
from lumina_cli.core.checkpoint.sealed import JSON
from lumina_cli.core.checkpoint.store import CheckpointStore
from lumina_cli.core.config import ComputeConfig
from lumina_cli.core.device import choose_device, machine_facts
from lumina_cli.core.memory import available_memory_bytes, memory_bytes, peak_memory_bytes
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.core.precision import choose_precision
from lumina_cli.core.sampling.config import SamplingConfig
from lumina_cli.core.sampling.generate import generate
from lumina_cli.core.seeding import make_generator, seed_dropout
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.events import (
    Evaluated,
    Finished,
    Interrupted,
    StepDone,
    StopReason,
    TrainEvent,
)
from lumina_cli.core.training.loop import Trainer
from lumina_cli.core.training.state import TrainerState
from lumina_cli.data.config import DataConfig
from lumina_cli.data.corpus import Corpus
from lumina_cli.errors import DataError, OutputError
from lumina_cli.recipes.exam import ExamResult, take_exam
from lumina_cli.recipes.fit import fit_to_memory
from lumina_cli.recipes.plan import Plan, make_plan
from lumina_cli.recipes.report_page import write_report_page
from lumina_cli.recipes.resume import (
    Resumed,
    check_data,
    machine_notices,
    rescale_position,
    trainer_state,
)
from lumina_cli.recipes.run_folder import RunFolder
from lumina_cli.recipes.saving import Saved, SaveEvent, Saver
from lumina_cli.recipes.sources import (
    STARTER,
    Source,
    encode_source,
    leaks,
    open_source,
    own_validation,
    usual_data,
)
from lumina_cli.recipes.without_effect import without_effect
from lumina_cli.settings import Settings
from lumina_cli.tokenizer.chat_format import encode_prompt
from lumina_cli.tokenizer.ids import Special

LEAST_VALIDATION_CHARS = 1_000
COMPILE_FROM_S = 180.0
"""Compiling takes about a minute; it has to be earned back."""

SAMPLE_CHARS = 160
SAMPLE_PROMPTS = {STARTER: "What is 3 plus 4?"}
USUAL_SAMPLE_PROMPT = "Hello"
"""What samples in training answer: always the same, so that one sees them improve."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The run is about to train, from `step` on: 0, or where it was left."""

    step: int


RunEvent = TrainEvent | SaveEvent | Begun


@dataclass(frozen=True, slots=True)
class TrainReport:
    """What a run came to; `exam` where the starter corpus was learnt to the end."""

    model: Path
    run_folder: Path
    steps: int
    best_nats_per_char: float | None
    chars_per_s: float
    peak_memory_bytes: int
    seconds: float
    stop_reason: StopReason
    exam: ExamResult | None = None


class Pretraining:
    """One run of training, from plan to report.

    Args:
        settings: of the command.
        data: paths to train on; none for the preset's or the usual data.
        val_data: paths for validation alone.
        out: the model file.
        started_s: when the command began (`time.monotonic`), from which `minutes` count.
        resumed: the run to go on with, if it is not a new one.

    Raises:
        LuminaError: data, settings or machine don't allow the run.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        data: Sequence[Path],
        out: Path,
        val_data: Sequence[Path] = (),
        started_s: float | None = None,
        resumed: Resumed | None = None,
    ) -> None:
        self.started_s = time.monotonic() if started_s is None else started_s
        self.settings = settings
        self.out = checked_out(out)
        self.folder = RunFolder(out)
        lock.check_free(self.folder.path)
        self.config = settings.of(TrainingConfig)
        compute = settings.of(ComputeConfig)
        if compute.threads is not None:
            torch.set_num_threads(compute.threads)
        self.device = choose_device(compute.device)
        self.precision = choose_precision(compute.precision, device=self.device)
        self.notices: list[str] = []
        self.source, self.corpus = self._read(data, val_data)
        self.notices += without_effect(
            settings, source=self.source, corpus=self.corpus, val_data=self.val_data
        )
        self.resumed = resumed
        if resumed is not None:
            check_data(resumed, self.corpus)
            self.notices += machine_notices(resumed, machine_facts(self.device))
        fit = fit_to_memory(
            self.config,
            settings.of(ModelConfig),
            vocab_size=len(self.corpus.vocabulary),
            available_bytes=available_memory_bytes(self.device),
            half=self.precision.name != "fp32",
        )
        self.config = fit.config
        self.notices += fit.notices
        self.model = build_model(
            settings.of(ModelConfig),
            vocab_size=len(self.corpus.vocabulary),
            generator=make_generator(self.config.seed, "weights"),
        ).to(self.device)
        self.plan: Plan = make_plan(
            self.model,
            self.corpus,
            data=self.source.names,
            config=self.config,
            precision=self.precision,
            out=out,
        )
        self.sample_prompt = self._sample_prompt()
        checkpoints = settings.of(CheckpointConfig)
        self.store = CheckpointStore(self.folder.checkpoints, keep=checkpoints.keep_checkpoints)
        self.saver = Saver(self.store, config=checkpoints)
        self.trainer = self._trainer()
        self.report: TrainReport | None = None

    def run(self) -> Iterator[RunEvent]:
        """Train, save the best model as it is found, and leave a report.

        Raises:
            LuminaError: another run holds the folder, nothing can be saved any more,
                memory is too small, or training diverged.
        """
        with lock.hold(self.folder.path):
            self._begin()
            yield Begun(self.trainer.num_steps)
            try:
                for event in self._train():
                    self._record(event)
                    yield event
            finally:
                self._write_page()

    def stop(self) -> None:
        """Finish the step in hand, save, and end the run."""
        self.trainer.stop()

    def save_soon(self) -> None:
        """Save a checkpoint after the step in hand."""
        self.saver.save_soon()

    def _begin(self) -> None:
        if self.resumed is None:
            self.folder.start(self.settings.values())
            keep_previous(self.out)
            seed_dropout(self.config.seed)
        else:
            self.folder.go_on(self.settings.values())
            self.trainer.restore(self._resumed_state(self.resumed))
        self.store.remove_unfinished()
        self.folder.record(Begun(self.trainer.num_steps))

    def _resumed_state(self, resumed: Resumed) -> TrainerState:
        state = trainer_state(resumed.found.checkpoint, path=resumed.found.path)
        counters = rescale_position(
            state.counters,
            saved=resumed.facts["settings"],
            windows_per_step=self.config.windows_per_step,
        )
        return replace(state, counters=counters)

    def _train(self) -> Iterator[RunEvent]:
        """Yield what the trainer tells, and save where it is the moment."""
        begun_s, num_chars = time.monotonic(), 0
        for event in self.trainer.run():
            yield event
            match event:
                case StepDone():
                    num_chars += event.num_chars
                    if self.saver.is_due(event.step):
                        yield from self._save_checkpoint()
                case Evaluated(is_best=True):
                    yield self._save_best(event)
                    yield from self._save_checkpoint()
                case Evaluated(step=0) | Interrupted():
                    yield from self._save_checkpoint()
                case Finished():
                    if event.reason != "interrupted":
                        yield from self._save_checkpoint()
                    speed = num_chars / max(time.monotonic() - begun_s, 1e-9)
                    self.report = self._report(event, chars_per_s=speed)

    def _write_page(self) -> None:
        plan = self.plan
        facts = {
            "model": f"{self.out}, {plan.num_parameters:,} parameters",
            "data": f"{', '.join(plan.data)}: {plan.train.chars:,} characters to learn from, "
            f"{plan.validation.chars:,} to measure with",
            "computed on": f"{plan.device}, {plan.precision.name} ({plan.precision.why})",
            "steps done": f"{self.trainer.num_steps:,}",
        }
        with contextlib.suppress(OSError):  # a full disk costs the page, not the run
            write_report_page(self.folder.path, title=f"Training of {self.out.name}", facts=facts)

    def _record(self, event: RunEvent) -> None:
        if isinstance(event, Evaluated):
            self._write_page()
        if isinstance(event, StepDone):
            self.folder.record(event, memory_bytes=memory_bytes(self.device))
        else:
            self.folder.record(event)

    def _read(self, data: Sequence[Path], val_data: Sequence[Path]) -> tuple[Source, Corpus]:
        preset, config = self.settings.preset, self.settings.of(DataConfig)
        if not data:
            data = [Path(preset.data)] if preset and preset.data else usual_data()
        if not val_data:
            data, val_data = own_validation(data)
        self.val_data = val_data
        self.notices += leaks(data, val_data)
        source = open_source(data, config=config)
        validation = open_source(val_data, config=config) if val_data else None
        corpus = encode_source(source, config=config, seed=self.config.seed, validation=validation)
        self.notices += corpus.remarks
        if len(corpus.train) < 2:
            raise DataError("there is too little text to train on", hint="Give more: --data FILE")
        self.notices += small_validation(corpus)
        return source, corpus

    def _trainer(self) -> Trainer:
        seconds = None
        if self.config.minutes is not None:
            seconds = self.config.minutes * 60 - (time.monotonic() - self.started_s)
        return Trainer(
            self.model,
            train=self.corpus.train,
            validation=self.corpus.validation,
            config=self.config,
            precision=self.precision,
            seconds=seconds,
            sample=self._sample,
            recall=self._recall,
            compiles=self._compiles(),
        )

    def _compiles(self) -> bool:
        if self.config.compile != "auto":
            return self.config.compile == "on"
        return self.device.type == "cuda" and self.plan.seconds >= COMPILE_FROM_S

    def _recall(self) -> TrainerState:
        found = self.store.newest()
        return trainer_state(found.checkpoint, path=found.path)

    def _sample_prompt(self) -> str | None:
        """Return what samples answer; None for plain text, which they continue from nothing."""
        if not self.corpus.train_counts.conversations:
            return None
        return SAMPLE_PROMPTS.get(self.source.names[0], USUAL_SAMPLE_PROMPT)

    def _sample(self, model: Transformer) -> str:
        vocabulary = self.corpus.vocabulary
        if self.sample_prompt is None:
            ids: list[int] = [Special.BEGIN]
        else:
            ids = encode_prompt([Message("user", self.sample_prompt)], vocabulary=vocabulary)
        model.eval()
        pieces = generate(
            model,
            ids,
            vocabulary=vocabulary,
            config=SamplingConfig(temperature=0.5, max_chars=SAMPLE_CHARS),
            generator=make_generator(self.config.seed, "samples"),
        )
        text = "".join(piece.text for piece in pieces)
        model.train()
        return text

    def _save_checkpoint(self) -> Iterator[SaveEvent]:
        state = self.trainer.state()
        checkpoint = Checkpoint(
            model=self.model.config,
            characters=self.corpus.vocabulary.characters,
            facts={
                "created": _now(),
                "lumina_version": version("lumina-cli"),
                "settings": self.settings.values(),
                "preset": self.settings.preset_name,
                "data": list(self.source.names),
                "val_data": list(map(str, self.val_data)),
                "corpus": self.corpus.key,
                "machine": machine_facts(self.device),
            },
            values=state.counters.model_dump(mode="json"),
            tensors=state.tensors,
        )
        yield from self.saver.save(
            checkpoint, step=state.counters.num_steps, best_step=state.counters.best_step
        )

    def _save_best(self, evaluated: Evaluated) -> SaveEvent:
        def write() -> SaveEvent:
            self._save_model(evaluated)
            return Saved(evaluated.step, self.out)

        return self.saver.attempt(write, step=evaluated.step)

    def _save_model(self, evaluated: Evaluated) -> None:
        metadata: dict[str, JSON] = {
            "created": _now(),
            "lumina_version": version("lumina-cli"),
            "trained_on": list(self.source.names),
            "train_chars": self.corpus.train_counts.chars,
            "conversations": self.corpus.train_counts.conversations,
            "steps": evaluated.step,
            "loss_on": self.settings.of(DataConfig).loss_on,
            "seed": self.config.seed,
            "sampling": dict(self._sampling_defaults()),
        }
        if evaluated.nats_per_char == evaluated.nats_per_char:  # NaN without validation text
            metadata["val_nats_per_char"] = evaluated.nats_per_char
            metadata["val_accuracy"] = evaluated.accuracy
        save_model(self.out, model=self.model, vocabulary=self.corpus.vocabulary, metadata=metadata)

    def _sampling_defaults(self) -> dict[str, str | float]:
        preset = self.settings.preset
        return dict(preset.sampling) if preset and preset.sampling else {}

    def _report(self, finished: Finished, *, chars_per_s: float) -> TrainReport:
        best = load_model(self.out, device=self.device)
        is_over = finished.reason != "interrupted"
        is_exam = self.source.is_starter and is_over
        return TrainReport(
            model=self.out,
            run_folder=self.folder.path,
            steps=finished.step,
            best_nats_per_char=best.metadata.get("val_nats_per_char"),
            chars_per_s=chars_per_s,
            peak_memory_bytes=peak_memory_bytes(self.device),
            seconds=time.monotonic() - self.started_s,
            stop_reason=finished.reason,
            exam=take_exam(best.model, best.vocabulary) if is_exam else None,
        )


def checked_out(path: Path) -> Path:
    """Return a path that a model file can take.

    Raises:
        OutputError: it names a folder, or the folder of a run, or lies in none.
    """
    hint = f"Name a file: --out {path / 'Model.pth'}"
    if path.is_dir():
        raise OutputError(f"{path} is a folder", hint=hint)
    if path.suffix == ".run":
        raise OutputError(f"{path} is the name of a run's folder", hint="Use: --out Model.pth")
    if not path.parent.is_dir():
        raise OutputError(f"folder {path.parent} does not exist", hint="Create it, or use: --out")
    return path


def small_validation(corpus: Corpus) -> list[str]:
    """Tell of a validation text too small to mean anything."""
    chars = corpus.validation_counts.chars
    if chars >= LEAST_VALIDATION_CHARS:
        return []
    if not chars:
        return ["there is no validation text: the latest model is kept, not the best"]
    return [f"validation has only {chars:,} characters: its figures are little more than chance"]


def keep_previous(path: Path) -> Path | None:
    """Move a model that is already there aside, so that a new run can't destroy it."""
    if not path.exists():
        return None
    previous = path.with_name(f"{path.stem}.previous{path.suffix}")
    path.replace(previous)
    return previous


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
