"""Training from nothing: data in, a model file out."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch

from lumina_cli.conversation import Message
from lumina_cli.core.checkpoint.format import JSON, load_model, save_model
from lumina_cli.core.config import ComputeConfig
from lumina_cli.core.device import choose_device
from lumina_cli.core.memory import peak_memory_bytes
from lumina_cli.core.model.config import ModelConfig
from lumina_cli.core.model.transformer import Transformer, build_model
from lumina_cli.core.precision import choose_precision
from lumina_cli.core.sampling.config import SamplingConfig
from lumina_cli.core.sampling.generate import generate
from lumina_cli.core.seeding import make_generator, seed_dropout
from lumina_cli.core.training.config import TrainingConfig
from lumina_cli.core.training.events import Evaluated, Finished, StepDone, StopReason, TrainEvent
from lumina_cli.core.training.loop import Trainer
from lumina_cli.data.config import DataConfig
from lumina_cli.data.corpus import Corpus
from lumina_cli.errors import DataError, OutputError
from lumina_cli.recipes.exam import ExamResult, take_exam
from lumina_cli.recipes.plan import Plan, make_plan
from lumina_cli.recipes.run_folder import RunFolder
from lumina_cli.recipes.sources import (
    STARTER,
    Source,
    encode_source,
    leaks,
    open_source,
    own_validation,
    usual_data,
)
from lumina_cli.settings import Settings
from lumina_cli.tokenizer.chat_format import encode_prompt
from lumina_cli.tokenizer.ids import Special

SAMPLE_CHARS = 160
SAMPLE_PROMPTS = {STARTER: "What is 3 plus 4?"}
USUAL_SAMPLE_PROMPT = "Hello"
"""What samples in training answer: always the same, so that one sees them improve."""


@dataclass(frozen=True, slots=True)
class Saved:
    """The best model so far is on disk."""

    step: int
    path: Path


RunEvent = TrainEvent | Saved


@dataclass(frozen=True, slots=True)
class TrainReport:
    """What a run came to; `exam` where the starter corpus was learnt."""

    model: Path
    steps: int
    best_nats_per_char: float | None
    chars_per_s: float
    peak_memory_bytes: int
    seconds: float
    stop_reason: StopReason
    exam: ExamResult | None = None


class Pretraining:
    """One run of training from nothing, from plan to report.

    Args:
        settings: of the command.
        data: paths to train on; none for the preset's or the usual data.
        val_data: paths for validation alone.
        out: the model file.
        started_s: when the command began (`time.monotonic`), from which `minutes` count.

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
    ) -> None:
        self.started_s = time.monotonic() if started_s is None else started_s
        self.settings = settings
        self.out = checked_out(out)
        self.config = settings.of(TrainingConfig)
        compute = settings.of(ComputeConfig)
        if compute.threads is not None:
            torch.set_num_threads(compute.threads)
        self.device = choose_device(compute.device)
        self.precision = choose_precision(compute.precision, device=self.device)
        self.notices: list[str] = []
        self.source, self.corpus = self._read(data, val_data)
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
        self.trainer = self._trainer()
        self.report: TrainReport | None = None

    def run(self) -> Iterator[RunEvent]:
        """Train, save the best model as it is found, and leave a report."""
        folder = RunFolder(self.out)
        folder.start(self.settings.values())
        keep_previous(self.out)
        seed_dropout(self.config.seed)
        num_chars = 0
        for event in self.trainer.run():
            folder.record(event)
            yield event
            match event:
                case StepDone():
                    num_chars += event.num_chars
                case Evaluated(is_best=True):
                    self._save(event)
                    yield Saved(event.step, self.out)
                case Finished():
                    self.report = self._report(event, num_chars=num_chars)

    def stop(self) -> None:
        """Finish the step in hand, then end the run as if a limit were reached."""
        self.trainer.stop()

    def _read(self, data: Sequence[Path], val_data: Sequence[Path]) -> tuple[Source, Corpus]:
        preset, config = self.settings.preset, self.settings.of(DataConfig)
        if not data:
            data = [Path(preset.data)] if preset and preset.data else usual_data()
        if not val_data:
            data, val_data = own_validation(data)
        self.notices += leaks(data, val_data)
        source = open_source(data, config=config)
        validation = open_source(val_data, config=config) if val_data else None
        corpus = encode_source(source, config=config, seed=self.config.seed, validation=validation)
        self.notices += corpus.remarks
        if len(corpus.train) < 2:
            raise DataError("there is too little text to train on", hint="Give more: --data FILE")
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
        )

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

    def _save(self, evaluated: Evaluated) -> None:
        metadata: dict[str, JSON] = {
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
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

    def _report(self, finished: Finished, *, num_chars: int) -> TrainReport:
        best = load_model(self.out, device=self.device)
        exam = take_exam(best.model, best.vocabulary) if self.source.is_starter else None
        return TrainReport(
            model=self.out,
            steps=finished.step,
            best_nats_per_char=best.metadata.get("val_nats_per_char"),
            chars_per_s=num_chars / max(finished.elapsed_s, 1e-9),
            peak_memory_bytes=peak_memory_bytes(self.device),
            seconds=time.monotonic() - self.started_s,
            stop_reason=finished.reason,
            exam=exam,
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


def keep_previous(path: Path) -> Path | None:
    """Move a model that is already there aside, so that a new run can't destroy it."""
    if not path.exists():
        return None
    previous = path.with_name(f"{path.stem}.previous{path.suffix}")
    path.replace(previous)
    return previous
