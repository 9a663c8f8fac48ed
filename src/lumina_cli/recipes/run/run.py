"""A run of training: events to draw, files to go on from, a model and a report at the end."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

from lumina_cli.core.checkpoint.config import CheckpointConfig
from lumina_cli.core.checkpoint.store import CheckpointStore
from lumina_cli.core.memory import memory_bytes, none_on_oom
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.core.seeding import seed_dropout
from lumina_cli.core.training.events import (
    Evaluated,
    Finished,
    Interrupted,
    RolledBack,
    StepDone,
    TrainEvent,
)
from lumina_cli.core.training.loop import Trainer
from lumina_cli.core.training.state import Snapshot, of_first
from lumina_cli.errors import DivergedError, LuminaError, MissingInputError, OutOfMemoryError
from lumina_cli.io import lock
from lumina_cli.io.folders.run_folder import RunFolder
from lumina_cli.recipes.run.events import RunEvent, RunStarted, SaveEvent
from lumina_cli.recipes.run.notices import run_notices
from lumina_cli.recipes.run.ranks.restart import is_of_this_launch, mark_launch
from lumina_cli.recipes.run.ranks.sharing import sharing_notice
from lumina_cli.recipes.run.reached import Landmarks, landmarks
from lumina_cli.recipes.run.report import TrainReport, make_report, resume_command
from lumina_cli.recipes.run.report_page.history import RunHistory, read_history
from lumina_cli.recipes.run.report_page.page import write_report_page
from lumina_cli.recipes.run.run_backup import back_up_run
from lumina_cli.recipes.run.run_errors import diverged_on, too_large
from lumina_cli.recipes.run.run_facts import page_facts, run_facts
from lumina_cli.recipes.run.samples import choose_prompts, say
from lumina_cli.recipes.run.saving.best_model import BestModelSaver, deployable
from lumina_cli.recipes.run.saving.metadata import make_checkpoint
from lumina_cli.recipes.run.saving.saver import Saver
from lumina_cli.recipes.run.saving.snapshots import Snapshots
from lumina_cli.recipes.run.saving.validation_sample import write_sample
from lumina_cli.recipes.train.job import TrainJob
from lumina_cli.recipes.train.plan import Plan, make_plan
from lumina_cli.recipes.train.resume import (
    Resumed,
    has_other_limits,
    rescale_position,
    trainer_state,
)
from lumina_cli.recipes.train.resume_checks import check_unchanged

PAGE_EVERY_S = 60.0
"""The page is for people who look at it from time to time."""

AROUND_S, AROUND_SHARE = 1.0, 0.06
"""Of a run by the clock: kept for the start of the program before it, and the report after."""

COMPILE_FROM_S = 300.0
"""Compiling takes about a minute, which has to be earned back; twice where windows grow."""


class TrainingRun:
    """Does a training job, and saves as it goes.

    `report` is there once the run has ended.
    """

    def __init__(self, job: TrainJob) -> None:
        self.job = job
        self.folder = RunFolder(job.out)
        training_data = job.data
        self.rank = job.compute.rank
        self.plan: Plan = make_plan(
            job.model,
            training_data.corpus,
            data=training_data.source.names,
            config=job.config,
            precision=job.compute.precision,
            out=job.out,
            peft=job.peft,
            replay=job.replay,
            more=job.plan_rows,
            rank=self.rank,
        )
        self._of_sharing = sharing_notice(job, self.plan)
        self.prompts = choose_prompts(training_data.source, training_data.corpus)
        checkpoints = job.settings.of(CheckpointConfig)
        self.store = CheckpointStore(self.folder.checkpoints, keep=checkpoints.keep_checkpoints)
        go_on = resume_command(job.out, is_fine_tuned=job.base is not None)
        self.saver = Saver(
            self.store,
            config=checkpoints,
            resume_command=go_on,
            clock=lambda: self.trainer.clock.now_s,
        )
        self.best_model = BestModelSaver(job, saver=self.saver)
        self.snapshots = Snapshots(job, run=self.folder.path, max_mb=checkpoints.snapshots_mb)
        self.trainer = self._trainer()
        self.history = RunHistory()
        self._next_page_s = 0.0
        self.report: TrainReport | None = None

    @cached_property
    def landmarks(self) -> Landmarks:
        """What the loss of this run is to be compared with."""
        return landmarks(self.job.data.corpus)

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know before it begins."""
        return run_notices(self.job, stepper=self.trainer.stepper, of_sharing=self._of_sharing)

    @property
    def is_alone(self) -> bool:
        """Whether no other process trains the model beside this one."""
        return self.rank.world_size == 1

    @property
    def is_first(self) -> bool:
        """Whether it is this process that writes files."""
        return self.rank.index == 0

    def run(self) -> Iterator[RunEvent]:
        """Train, save the best model as it is found, and leave a report.

        Raises:
            LuminaError: another run holds the folder, nothing can be saved any more,
                memory is too small, or training diverged.
        """
        with lock.hold(self.folder.path):
            self._begin()
            yield RunStarted(self.trainer.num_steps)
            try:
                for event in self._train():
                    self._record(event)
                    yield event
            except DivergedError as error:
                raise diverged_on(error, self.trainer.last_batch(), self.job.data) from error
            except OutOfMemoryError as error:
                raise too_large(error, self.job) from error
            finally:
                self._write_page()

    def stop(self) -> None:
        """Finish the step in hand, save, and end the run."""
        self.trainer.stop()

    def request_checkpoint(self) -> None:
        """Save a checkpoint after the step in hand."""
        self.rank.ask("save")

    def _begin(self) -> None:
        job = self.job
        if job.resumed is not None:
            check_unchanged(job.resumed)
        if job.resumed is None or job.resumed.is_elsewhere:
            if not is_of_this_launch(self.folder.path):
                back_up_run(job.out)
            self.folder.start(job.settings.values())
            self._write_validation_sample()
        else:
            self.folder.resume(job.settings.values())
            with contextlib.suppress(OSError):  # without it the page begins here
                self.history = read_history(self.folder.metrics)
        mark_launch(self.folder.path)
        self._begin_training()
        self.store.remove_unfinished()
        self.snapshots.begin(self.trainer.num_steps)
        facts = run_facts(self.plan, corpus=job.data.corpus, landmarks=self.landmarks)
        self.history.add(self.folder.record(RunStarted(self.trainer.num_steps), **facts))

    def _begin_training(self) -> None:
        """Bring the trainer to where the run begins, or goes on."""
        job = self.job
        seed_dropout(job.config.seed)
        if job.resumed is not None:
            resumed = job.resumed
            self.trainer.load_state_dict(
                of_first(lambda: self._resumed_state(resumed), rank=self.rank),
                has_other_limits=has_other_limits(resumed, job.config),
            )
            resumed.found.checkpoint.tensors.clear()  # the run has them now, or its part of them

    def _write_validation_sample(self) -> None:
        """Keep some of the validation text, to measure by it one day what was forgotten."""
        job, corpus = self.job, self.job.data.corpus
        with contextlib.suppress(LuminaError):  # a full disk is told when a model is saved
            write_sample(
                self.folder.path,
                [corpus.validation, *job.replay_data.validation],
                tokenizer=corpus.tokenizer,
                seq_length=job.model.config.seq_length,
            )

    def _resumed_state(self, resumed: Resumed) -> Snapshot:
        state = trainer_state(resumed.found.checkpoint, path=resumed.found.path)
        train_state = rescale_position(
            state.train_state,
            saved=resumed.metadata["settings"],
            windows_per_step=self.job.config.windows_per_step,
        )
        if not self.job.out.exists():  # else no model would be there in the end
            nothing = {"best_val_loss": None, "best_step": None, "evaluated_step": -1}
            train_state = train_state.model_copy(update=nothing)
        return replace(state, train_state=train_state)

    def _train(self) -> Iterator[RunEvent]:
        """Yield what the trainer tells, and save where it is the moment."""
        started_s, num_chars = time.monotonic(), 0
        if self.trainer.num_steps == 0:
            yield from self.snapshots.save_if_due(self._deployable, step=0)
        for event in self.trainer.run():
            yield event
            if isinstance(event, Evaluated) and event.is_best:
                yield self.best_model.save(event)
            if is_due := self._is_save_due(event):
                yield from self._save_checkpoint()
            match event:
                case StepDone():
                    num_chars += event.num_chars
                    if is_due:
                        yield from self.best_model.save_pending()
                    yield from self.snapshots.save_if_due(self._deployable, step=event.step)
                case RolledBack():
                    self.snapshots.begin(event.step)
                case Finished():
                    yield from self.best_model.save_pending()
                    self.saver.check_saved()
                    chars_per_s = num_chars / max(time.monotonic() - started_s, 1e-9)
                    self.report = make_report(
                        self.job,
                        event,
                        run_folder=self.folder.path,
                        chars_per_s=chars_per_s,
                        counting=self.landmarks.counting,
                    )

    def _is_save_due(self, event: TrainEvent) -> bool:
        """Whether all ranks save a checkpoint now; each finds the same."""
        match event:
            case StepDone():
                if self.rank.take("save"):
                    self.saver.request_checkpoint()
                return self.saver.is_due(event.step)
            case Evaluated():
                return event.is_best or event.step == 0
            case Finished():
                return event.reason != "interrupted"
        return isinstance(event, Interrupted)

    def _write_page(self) -> None:
        with contextlib.suppress(LuminaError):  # a full disk costs the page, not the run
            write_report_page(
                self.folder.path,
                history=self.history,
                title=f"Training of {self.job.out.name}",
                facts=page_facts(self.plan, num_steps=self.trainer.num_steps),
                landmarks=self.landmarks,
            )

    def _record(self, event: RunEvent) -> None:
        more = {}
        if isinstance(event, StepDone):
            more["memory_bytes"] = memory_bytes(self.job.compute.device)
        self.history.add(self.folder.record(event, **more))
        if isinstance(event, Evaluated) and time.monotonic() >= self._next_page_s:
            self._write_page()
            self._next_page_s = time.monotonic() + PAGE_EVERY_S

    def _trainer(self) -> Trainer:
        job, seconds = self.job, None
        if job.config.minutes is not None:
            whole_s = job.config.minutes * 60
            left_s = whole_s - (time.monotonic() - job.started_s)
            seconds = self.rank.broadcast(left_s - min(AROUND_S, AROUND_SHARE * whole_s))
        return Trainer(
            job.model,
            train=job.data.corpus.train,
            validation=job.data.corpus.validation,
            config=job.config,
            precision=job.compute.precision,
            replay=job.replay,
            retention=job.retention,
            seconds=seconds,
            sample=self._sample,
            prompts=self.prompts,
            load_last_good=self._load_last_good,
            compiles=self._compiles(),
            measures_less="eval_chars" not in job.settings.sources,
            rank=self.rank,
        )

    def _compiles(self) -> bool:
        if self.job.config.compile != "auto":
            return self.job.config.compile == "on"
        times = 1 if self.job.config.start_seq_length is None else 2
        left_s = self.plan.seconds
        if self.job.resumed is not None:
            found = self.job.resumed.found
            left_s -= trainer_state(found.checkpoint, path=found.path).train_state.elapsed_s
        return self.job.compute.device.type == "cuda" and left_s >= times * COMPILE_FROM_S

    def _load_last_good(self) -> Snapshot:
        return of_first(self._newest_good, rank=self.rank)

    def _newest_good(self) -> Snapshot:
        try:
            found = self.store.newest()
        except MissingInputError as error:  # nothing could be saved so far
            raise DivergedError(
                f"training diverged at step {self.trainer.num_steps}, and {error.message}",
                hint="Use a lower --learning-rate.",
            ) from error
        return trainer_state(found.checkpoint, path=found.path)

    def _sample(self, _: Transformer) -> list[str]:
        """Return what the model would say if it were saved now."""
        return say(
            self._deployable(),
            prompts=self.prompts,
            is_chat=bool(self.job.data.corpus.train_counts.conversations),
            tokenizer=self.job.data.corpus.tokenizer,
            seed=self.job.config.seed,
        )

    def _deployable(self) -> Transformer:
        return deployable(self.job, self.job.model, share=self.trainer.state.alpha)

    def _save_checkpoint(self) -> Iterator[SaveEvent]:
        state = none_on_oom(self.trainer.state_dict)
        if state is None:
            self.saver.note_saving()
            yield self.saver.fail_for_memory(step=self.trainer.num_steps)
            return
        yield from self.saver.save(
            make_checkpoint(self.job, state),
            step=state.train_state.num_steps,
            best_step=state.train_state.best_step,
        )
