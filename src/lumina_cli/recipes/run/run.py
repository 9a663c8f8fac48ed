"""A run of training: events to draw, files to go on from, a model and a report at the end."""

import contextlib
import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from lumina_cli.core.checkpoint.config import CheckpointConfig
from lumina_cli.core.checkpoint.model_file import NgramTable, save_model
from lumina_cli.core.checkpoint.store import CheckpointStore
from lumina_cli.core.memory import memory_bytes
from lumina_cli.core.model.peft import interpolate_weights, merge_lora
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.seeding import seed_dropout
from lumina_cli.core.training.events import (
    Evaluated,
    Finished,
    Interrupted,
    StepDone,
    TrainEvent,
)
from lumina_cli.core.training.loop import Trainer
from lumina_cli.core.training.parallel.threads import num_workers
from lumina_cli.core.training.state import Snapshot
from lumina_cli.errors import DivergedError, LuminaError, MissingInputError, OutOfMemoryError
from lumina_cli.io import lock
from lumina_cli.io.run_folder import RunFolder
from lumina_cli.recipes.run.metadata import make_checkpoint, model_metadata
from lumina_cli.recipes.run.ngram_table import build_draft
from lumina_cli.recipes.run.report import TrainReport, make_report
from lumina_cli.recipes.run.report_page import write_report_page
from lumina_cli.recipes.run.run_backup import move_aside
from lumina_cli.recipes.run.run_errors import diverged_on, too_large
from lumina_cli.recipes.run.saving import Saved, SaveEvent, Saver
from lumina_cli.recipes.run.validation_sample import write_sample
from lumina_cli.recipes.train.job import TrainJob
from lumina_cli.recipes.train.plan import Plan, make_plan
from lumina_cli.recipes.train.resume import (
    Resumed,
    has_other_limits,
    memory_notices,
    rescale_position,
    trainer_state,
)
from lumina_cli.recipes.train.samples import choose_prompt, say

PAGE_EVERY_S = 60.0
"""The page is made from all that happened so far, which takes longer and longer."""

AROUND_S, AROUND_SHARE = 1.0, 0.06
"""Of a run by the clock: kept for the start of the program before it, and the report after."""

COMPILE_FROM_S = 300.0
"""Compiling takes about a minute, which has to be earned back; twice where windows grow."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The run is about to train, from `step` on: 0, or where it was left."""

    step: int


RunEvent = TrainEvent | SaveEvent | Begun


class TrainingRun:
    """Does a task of training, and saves as it goes.

    `report` is there once the run has ended.
    """

    def __init__(self, task: TrainJob) -> None:
        self.task = task
        self.folder = RunFolder(task.out)
        material = task.material
        self.plan: Plan = make_plan(
            task.model,
            material.corpus,
            data=material.source.names,
            config=task.config,
            precision=task.machine.precision,
            out=task.out,
            peft=task.peft,
            replay=task.replay,
            more=task.facts,
        )
        self.sample_prompt = choose_prompt(material.source, material.corpus)
        checkpoints = task.settings.of(CheckpointConfig)
        self.store = CheckpointStore(self.folder.checkpoints, keep=checkpoints.keep_checkpoints)
        command = "finetune" if task.base else "train"
        self.saver = Saver(self.store, config=checkpoints, command=command)
        self.trainer = self._trainer()
        self._unsaved: tuple[Transformer, Evaluated] | None = None
        self._next_page_s = 0.0
        self.report: TrainReport | None = None

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know before it begins."""
        task, stepper = self.task, self.trainer.stepper
        notices = [*task.settings.notices]
        if task.resumed is not None:
            notices += [*task.resumed.notices, *memory_notices(task.resumed, stepper)]
        notices += task.notices
        if stepper.workers is None and stepper.may_share and num_workers(task.machine.device) > 1:
            notices.append(
                "memory is short: threads can't share steps, which is slower; close other programs"
            )
        return tuple(notices)

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
            except DivergedError as error:
                raise diverged_on(error, self.trainer.last_batch(), self.task.material) from error
            except OutOfMemoryError as error:
                raise too_large(error, self.task) from error
            finally:
                self._write_page()

    def stop(self) -> None:
        """Finish the step in hand, save, and end the run."""
        self.trainer.stop()

    def request_checkpoint(self) -> None:
        """Save a checkpoint after the step in hand."""
        self.saver.request_checkpoint()

    def _begin(self) -> None:
        task = self.task
        if task.resumed is None:
            move_aside(task.out)
            self.folder.start(task.settings.values())
            self._keep_sample()
            seed_dropout(task.config.seed)
        else:
            self.folder.go_on(task.settings.values())
            self.trainer.load_state_dict(
                self._resumed_state(task.resumed),
                has_other_limits=has_other_limits(task.resumed, task.config),
            )
        self.store.remove_unfinished()
        self.folder.record(Begun(self.trainer.num_steps))

    def _keep_sample(self) -> None:
        """Keep some of the validation text, to measure by it one day what was forgotten."""
        task, corpus = self.task, self.task.material.corpus
        with contextlib.suppress(LuminaError):  # a full disk is told when a model is saved
            write_sample(
                self.folder.path,
                [corpus.validation, *task.old.validation],
                tokenizer=corpus.tokenizer,
                seq_length=task.model.config.seq_length,
            )

    def _resumed_state(self, resumed: Resumed) -> Snapshot:
        state = trainer_state(resumed.found.checkpoint, path=resumed.found.path)
        counters = rescale_position(
            state.train_state,
            saved=resumed.metadata["settings"],
            windows_per_step=self.task.config.windows_per_step,
        )
        return replace(state, train_state=counters)

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
                        yield from self._save_best_again()
                case Evaluated(is_best=True):
                    yield self._save_best(event)
                    yield from self._save_checkpoint()
                case Evaluated(step=0) | Interrupted():
                    yield from self._save_checkpoint()
                case Finished():
                    if event.reason != "interrupted":
                        yield from self._save_checkpoint()
                    yield from self._save_best_again()
                    self.saver.check_saved()
                    speed = num_chars / max(time.monotonic() - begun_s, 1e-9)
                    self.report = make_report(
                        self.task, event, run_folder=self.folder.path, chars_per_s=speed
                    )

    def _write_page(self) -> None:
        plan, out = self.plan, self.task.out
        facts = {
            **plan.more,
            "model": f"{out}, {plan.num_parameters:,} parameters",
            "data": f"{', '.join(plan.data)}: {plan.train.chars:,} characters to learn from, "
            f"{plan.validation.chars:,} to measure with",
            "computed on": f"{plan.device}, {plan.precision.name} ({plan.precision.why})",
            "steps done": f"{self.trainer.num_steps:,}",
        }
        with contextlib.suppress(OSError):  # a full disk costs the page, not the run
            write_report_page(self.folder.path, title=f"Training of {out.name}", facts=facts)

    def _record(self, event: RunEvent) -> None:
        if isinstance(event, Evaluated) and time.monotonic() >= self._next_page_s:
            self._write_page()
            self._next_page_s = time.monotonic() + PAGE_EVERY_S
        if isinstance(event, StepDone):
            self.folder.record(event, memory_bytes=memory_bytes(self.task.machine.device))
        else:
            self.folder.record(event)

    def _trainer(self) -> Trainer:
        task, seconds = self.task, None
        if task.config.minutes is not None:
            whole_s = task.config.minutes * 60
            left_s = whole_s - (time.monotonic() - task.started_s)
            seconds = left_s - min(AROUND_S, AROUND_SHARE * whole_s)
        return Trainer(
            task.model,
            train=task.material.corpus.train,
            validation=task.material.corpus.validation,
            config=task.config,
            precision=task.machine.precision,
            replay=task.replay,
            retention=task.retention,
            seconds=seconds,
            sample=self._sample,
            load_last_good=self._recall,
            compiles=self._compiles(),
            measures_less="eval_chars" not in task.settings.sources,
        )

    def _compiles(self) -> bool:
        if self.task.config.compile != "auto":
            return self.task.config.compile == "on"
        times = 1 if self.task.config.start_seq_length is None else 2
        left_s = self.plan.seconds
        if self.task.resumed is not None:
            found = self.task.resumed.found
            left_s -= trainer_state(found.checkpoint, path=found.path).train_state.elapsed_s
        return self.task.machine.device.type == "cuda" and left_s >= times * COMPILE_FROM_S

    def _recall(self) -> Snapshot:
        try:
            found = self.store.newest()
        except MissingInputError as error:  # nothing could be saved so far
            raise DivergedError(
                f"training diverged at step {self.trainer.num_steps}, and {error.message}",
                hint="Use a lower --learning-rate.",
            ) from error
        return trainer_state(found.checkpoint, path=found.path)

    def _sample(self, _: Transformer) -> str:
        """Return what the model would say if it were saved now."""
        return say(
            self._held(self.task.model, share=self.trainer.state.alpha),
            prompt=self.sample_prompt,
            tokenizer=self.task.material.corpus.tokenizer,
            seed=self.task.config.seed,
        )

    def _save_checkpoint(self) -> Iterator[SaveEvent]:
        state = self.trainer.state_dict()
        yield from self.saver.save(
            make_checkpoint(self.task, state),
            step=state.train_state.num_steps,
            best_step=state.train_state.best_step,
        )

    def _save_best(self, evaluated: Evaluated) -> SaveEvent:
        event = self._save_model(self.task.model, evaluated)
        failed = self.saver.num_failures > 0
        self._unsaved = (copy.deepcopy(self.task.model), evaluated) if failed else None
        return event

    def _held(self, model: Transformer, *, share: float) -> Transformer:
        """Return the plain model, with a share of what it learnt."""
        start = self.task.retention.base_weights
        return interpolate_weights(model, start, share=share) if share < 1 else merge_lora(model)

    def _save_best_again(self) -> Iterator[SaveEvent]:
        """Save the best model, if the disk had no room for it when it was found."""
        if self._unsaved is not None and not self.saver.num_failures:
            yield self._save_model(*self._unsaved)
            if not self.saver.num_failures:
                self._unsaved = None

    def _save_model(self, model: Transformer, evaluated: Evaluated) -> SaveEvent:
        def write() -> SaveEvent:
            save_model(
                self.task.out,
                model=self._held(model, share=evaluated.alpha),
                tokenizer=self.task.material.corpus.tokenizer,
                metadata=model_metadata(self.task, evaluated),
                draft=self._draft,
            )
            return Saved(evaluated.step, self.task.out)

        return self.saver.attempt(write, step=evaluated.step)

    @cached_property
    def _draft(self) -> NgramTable:
        """Statistics of the training text, which are counted once."""
        corpus = self.task.material.corpus
        return build_draft(corpus.train, config=self.task.model.config, tokenizer=corpus.tokenizer)
