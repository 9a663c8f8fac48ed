"""How a training run looks while it goes on: the live view, or log lines."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from lumina_cli.cli.console import notice, plain
from lumina_cli.cli.formatting import format_duration
from lumina_cli.cli.terminal.frame import BORDERS, WIDEST, figures_grid, framed
from lumina_cli.cli.terminal.hidden_typing import typing_hidden
from lumina_cli.cli.views.train_lines import log_line, one_line, pace_text
from lumina_cli.core.training.events import EpochDone, Evaluated, Paced, Sampled, StepDone
from lumina_cli.io.regular_file import open_to_append
from lumina_cli.io.terminal_text import strip_controls
from lumina_cli.recipes.run.event_text import trouble_line
from lumina_cli.recipes.run.events import RunEvent
from lumina_cli.recipes.train.plan import Plan

FIRST_SAMPLES = 3
LAST_SAMPLES = 7
"""Samples on the screen: the noise of the beginning, and what it turned into."""

SMOOTHING = 0.05
"""Weight of the newest step in the loss and accuracy that are shown."""


class TrainView(Protocol):
    """Shows events as they come; a context manager that owns the screen meanwhile."""

    def show(self, event: RunEvent) -> None: ...
    def __enter__(self) -> "TrainView": ...
    def __exit__(self, *exc_info: object) -> None: ...


def make_view(console: Console, *, plan: Plan, quiet: bool) -> TrainView:
    """Return the live view for a terminal, lines for a log, nothing when quiet.

    Args:
        console: to draw on.
        plan: of the run.
        quiet: whether to draw nothing.
    """
    if quiet:
        return NullView()
    if console.is_terminal:
        return LiveView(console, plan=plan)
    return LineView(console)


class NullView:
    """Shows nothing."""

    def show(self, event: RunEvent) -> None:
        pass

    def __enter__(self) -> "NullView":
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass


class CompositeView:
    """Several views at once; one that fails is left out from then on, and the run goes on."""

    def __init__(self, views: Sequence[TrainView]) -> None:
        self._views = list(views)

    def show(self, event: RunEvent) -> None:
        self._each(lambda view: view.show(event))

    def __enter__(self) -> "CompositeView":
        self._each(lambda view: view.__enter__())
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._each(lambda view: view.__exit__(*exc_info))

    def _each(self, action: Callable[[TrainView], object]) -> None:
        for view in list(self._views):
            try:
                action(view)
            except Exception as error:  # whatever it is, hours of training must not end in it
                self._views.remove(view)
                why = f"{type(error).__name__}: {error}"
                notice(f"{type(view).__name__} failed and is switched off ({why}); the run goes on")


class LineView:
    """A line for each epoch, evaluation, sample and trouble: for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lines = Lines()

    def show(self, event: RunEvent) -> None:
        if line := self._lines.line(event):
            self._console.print(plain(line), soft_wrap=True)

    def __enter__(self) -> "LineView":
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass


class LogFile:
    """The same lines in a file, which is made at the first event, or added to.

    Args:
        path: of the file.
        header: lines that come first.
    """

    def __init__(self, path: Path, *, header: Sequence[str]) -> None:
        self._path = path
        self._header = header
        self._lines = Lines()
        self._file: TextIO | None = None

    def show(self, event: RunEvent) -> None:
        try:
            if self._file is None:
                self._file = open_to_append(self._path)
                self._write(*self._header)
            if line := self._lines.line(event):
                self._write(line)
        except OSError:
            pass  # a full disk loses a line, not the run

    def _write(self, *lines: str) -> None:
        assert self._file is not None
        for line in lines:
            self._file.write(strip_controls(line) + "\n")

    def __enter__(self) -> "LogFile":
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._file is not None:
            self._file.close()


class Lines:
    """Events as lines; an epoch's ends with the validation before it, and how ranks keep up."""

    def __init__(self) -> None:
        self._validation = self._pace = ""

    def line(self, event: RunEvent) -> str | None:
        line = log_line(event)
        if isinstance(event, Paced):
            self._pace = f" | {pace_text(event)}"
        if isinstance(event, EpochDone) and line:
            return line + self._validation + self._pace
        if isinstance(event, Evaluated) and not math.isnan(event.nats_per_char):
            self._validation = f" | Validation: {event.nats_per_char:.4f}"
            return f"{line}{self._pace}"
        return line


class LiveView:
    """A panel that is drawn over itself: progress, figures, and what the model says by now."""

    def __init__(self, console: Console, *, plan: Plan) -> None:
        self._console = console
        self._plan = plan
        self._samples: list[Sampled] = []
        self._step: StepDone | None = None
        self._validation: Evaluated | None = None
        self._pace: Paced | None = None
        self._loss = self._accuracy = math.nan
        self._num_chars = 0
        self._typing = typing_hidden()
        self._live = Live(console=console, refresh_per_second=4, get_renderable=self.picture)

    def show(self, event: RunEvent) -> None:
        match event:
            case StepDone():
                self._take_in(event)
            case Evaluated():
                self._validation = event
            case Paced():
                self._pace = event
            case Sampled(number=0):
                self._samples.append(event)
                del self._samples[FIRST_SAMPLES:-LAST_SAMPLES]
            case _ if line := trouble_line(event):
                self._live.console.print(plain(line))
        if not self._live.auto_refresh:
            self._live.refresh()

    def _take_in(self, step: StepDone) -> None:
        if self._step is None:
            self._loss, self._accuracy = step.loss, step.accuracy
        self._loss += SMOOTHING * (step.loss - self._loss)
        self._accuracy += SMOOTHING * (step.accuracy - self._accuracy)
        self._num_chars += step.num_chars
        self._step = step

    def picture(self) -> RenderableType:
        """Return what is on the screen now."""
        parts: list[RenderableType] = [self._progress(), self._figures()]
        if self._pace is not None:
            parts.append(Text(pace_text(self._pace), style="dim"))
        if self._samples:
            parts += [Text(), self._sample_table()]
        return framed(self._console, Group(*parts), title="training", style="cyan")

    def _progress(self) -> RenderableType:
        share = self._step.progress if self._step else 0.0
        left = f"{share:4.0%}  {format_duration(self._seconds_left(share))} left"
        grid = Table.grid(padding=(0, 1), expand=True)
        grid.add_column(ratio=1)
        grid.add_column(justify="right")
        grid.add_row(ProgressBar(total=1.0, completed=share), left)
        return grid

    def _seconds_left(self, share: float) -> float:
        if self._step is None or share < 0.01:
            return self._plan.seconds
        return self._step.elapsed_s * (1 - share) / share

    def _figures(self) -> RenderableType:
        if self._step is None:
            return Text("measuring the untrained model …", style="dim")
        step, speed = self._step, self._num_chars / max(self._step.elapsed_s, 1e-9)
        figures = {
            "step": f"{step.step:,}",
            "loss": f"{self._loss:.3f}",
            "bits/id": f"{self._loss / math.log(2):.3f}",
            "accuracy": f"{self._accuracy:.1%}",
            "learning rate": f"{step.learning_rate:.2e}",
            "chars/s": f"{speed:,.0f}",
            "validation": _short_validation(self._validation),
        }
        if kept := _short_kept(self._validation):
            figures["kept"] = kept
        return figures_grid(figures, width=min(self._console.width, WIDEST) - BORDERS)

    def _sample_table(self) -> RenderableType:
        grid = Table.grid(padding=(0, 2))
        for sample in self._samples:
            newest = sample is self._samples[-1]
            text = plain(one_line(sample.text), style="bold" if newest else "dim")
            grid.add_row(Text(f"step {sample.step:,}", style="dim"), text)
        return grid

    def __enter__(self) -> "LiveView":
        self._typing.__enter__()
        self._wrap_lines("l")
        try:
            self._live.start()
        except RuntimeError:  # a limit of memory leaves no room for the thread that draws
            self._live.auto_refresh = False
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._live.stop()
        self._wrap_lines("h")
        self._typing.__exit__(None, None, None)

    def _wrap_lines(self, switch: str) -> None:
        """Say whether a line that is too long goes on in the next.

        Terminals disagree on how wide rare characters are; one line more than was drawn, and the
        next picture would leave a part of this one behind.
        """
        if not self._console.is_dumb_terminal and not self._console.legacy_windows:
            self._console.file.write(f"\x1b[?7{switch}")


def _short_validation(event: Evaluated | None) -> str:
    if event is None or math.isnan(event.nats_per_char):
        return "–"
    return f"{event.bits_per_char:.3f} bits/char"


def _short_kept(event: Evaluated | None) -> str | None:
    """Return what the model is still worth on old text, where that is measured."""
    nats = event.base_loss if event else None
    return None if nats is None else f"{nats / math.log(2):.3f} bits/char"
