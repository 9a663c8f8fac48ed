"""Looking at data before a training run: what is in it, what is wrong with it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lumina_cli.data.batches import steps_per_epoch
from lumina_cli.data.config import DataConfig
from lumina_cli.data.documents import Documents
from lumina_cli.data.report import ReadReport
from lumina_cli.data.starter import corpus as starter
from lumina_cli.data.stats.data_stats import DataStats, collect_stats
from lumina_cli.errors import LuminaError
from lumina_cli.recipes.data.cutting import Cutting, cut_text
from lumina_cli.recipes.data.sources import STARTER
from lumina_cli.tokenizer.config import CHARACTERS, TokenizerConfig
from lumina_cli.tokenizer.document_batch import DocumentBatch, in_batches


@dataclass(frozen=True, slots=True)
class Plan:
    """What a training run on the data would mean."""

    seq_length: int
    batch_size: int
    windows: int
    steps_per_epoch: int


@dataclass(frozen=True, slots=True)
class Checked:
    """What was read and found.

    `refusal` is why a training run would not begin, or None; `cutting` is told if it was asked for.
    """

    report: ReadReport
    stats: DataStats
    plan: Plan
    refusal: LuminaError | None
    cutting: Cutting | None = None

    @property
    def schemas(self) -> set[str]:
        """The formats of what was read."""
        return set().union(*self.report.formats.values())


def check(
    paths: Sequence[Path],
    *,
    config: DataConfig,
    seq_length: int,
    batch_size: int,
    tokenizer_config: TokenizerConfig = CHARACTERS,
) -> Checked:
    """Read data as `train` would, to the end, however much of it is skipped.

    Args:
        paths: files and folders, or the starter corpus by its name.
        config: how they are read.
        seq_length: of the model, in ids.
        batch_size: windows a step.
        tokenizer_config: how the text is to be cut.

    Raises:
        MissingInputError: a path is missing, or holds no text at all.
        DataError: a file can't be read as text.
        UsageError: a package is missing that learns the tokenizer.
    """
    min_char_count, chars_per_id, cutting = config.min_char_count, 1.0, None
    if tokenizer_config.has_size:
        cutting = cut_text(
            lambda: _documents(paths, config=config).read(),
            config=tokenizer_config,
            min_char_count=min_char_count,
        )
        chars_per_id = cutting.tokenizer.chars_per_id
    documents = _documents(paths, config=config)
    stats = collect_stats(
        documents.read(),
        seq_length=round(seq_length * chars_per_id),
        min_char_count=min_char_count,
    )
    refusal = documents.refusal()
    if refusal and not documents.report.rows:
        raise refusal
    # as training cuts it: a part for validation, the rest in windows that do not overlap
    num_ids = int(stats.ids / chars_per_id * (1 - config.val_fraction))
    windows = steps_per_epoch(num_ids, seq_length=seq_length, batch_size=1)
    steps = steps_per_epoch(num_ids, seq_length=seq_length, batch_size=batch_size)
    plan = Plan(seq_length, batch_size, windows, steps)
    return Checked(documents.report, stats, plan, refusal, cutting)


def _documents(paths: Sequence[Path], *, config: DataConfig) -> "Documents | _StarterDocuments":
    if [str(path) for path in paths] == [STARTER] and not paths[0].exists():
        return _StarterDocuments()
    return Documents(paths, config=config)


class _StarterDocuments:
    """The corpus in the package, read as files are."""

    def __init__(self) -> None:
        self.report = ReadReport()

    def read(self) -> Iterator[DocumentBatch]:
        for batch in in_batches(starter.conversations()):
            self.report.saw_rows(Path(STARTER), "conversations", count=len(batch))
            self.report.saw_batch(batch)
            yield batch

    def refusal(self) -> None:
        return None
