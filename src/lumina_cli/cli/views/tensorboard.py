"""Figures for TensorBoard, where it is installed."""

from pathlib import Path

from lumina_cli.core.training.events import Evaluated, Sampled, StepDone
from lumina_cli.errors import UsageError
from lumina_cli.extras import install_command
from lumina_cli.recipes.run.events import RunEvent


class TensorBoardView:
    """Writes losses, rates and samples as TensorBoard events.

    Args:
        folder: to write to.

    Raises:
        UsageError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415  optional
        except ImportError as error:
            raise UsageError(
                "--tensorboard needs a package that is not installed",
                hint=f"Install it: {install_command('tensorboard')}",
            ) from error
        self._folder = folder
        self._make_writer = SummaryWriter
        self._writer: SummaryWriter | None = None

    def show(self, event: RunEvent) -> None:
        if self._writer is None:
            self._writer = self._make_writer(str(self._folder))
        add = self._writer.add_scalar
        match event:
            case StepDone():
                add("train/loss", event.loss, event.step)
                add("train/accuracy", event.accuracy, event.step)
                add("train/learning_rate", event.learning_rate, event.step)
                add("train/grad_norm", event.grad_norm, event.step)
            case Evaluated():
                add("validation/nats_per_char", event.nats_per_char, event.step)
                add("validation/bits_per_char", event.bits_per_char, event.step)
                add("validation/accuracy", event.accuracy, event.step)
            case Sampled(number=0):
                self._writer.add_text("sample", event.text, event.step)

    def __enter__(self) -> "TensorBoardView":
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._writer is not None:
            self._writer.close()
