"""`lumina export`: a model written for other programs, and checked there."""

import os
from dataclasses import dataclass
from pathlib import Path

from lumina_cli.core.checkpoint.model_file import ModelFile, load_model
from lumina_cli.data.batches import Batch, validation_batches
from lumina_cli.data.corpus.dataset import TokenDataset
from lumina_cli.errors import ExportError, OutputError, UsageError
from lumina_cli.export.compare import Comparer, Tell
from lumina_cli.export.huggingface.push import Publication, check_repo, plan_publication
from lumina_cli.export.job import ExportJob, ExportReport
from lumina_cli.export.names import Dtype, TargetName
from lumina_cli.export.targets import TARGETS, WEB_FOLDER, Target
from lumina_cli.export.training_text import without_training_text
from lumina_cli.io.folders.run_names import model_name, run_folder_of
from lumina_cli.recipes.data.starter_sample import starter_sample
from lumina_cli.recipes.run.saving.validation_sample import read_sample

NUM_WINDOWS = 64
"""On which logits are compared."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What is asked for: the target, the place and the data type; None for the usual ones.

    `training_text` keeps what the model file tells of the text it learnt from; with `folder` a
    page is a folder for a web server; `push` names a repository of the hub to publish it in.
    """

    to: TargetName
    out: Path | None = None
    dtype: Dtype | None = None
    training_text: bool = True
    folder: bool = False
    push: str | None = None


def export_model(path: Path, options: ExportOptions, *, tell: Tell) -> ExportReport:
    """Export a model file, and check what was written.

    Args:
        path: of the model file.
        options: what is asked for.
        tell: is told what is being done.

    Raises:
        UsageError: there is no such data type for the target, or a package is missing.
        ExportError: the export differs too much from the model; then nothing is written.
        LuminaError: the model can't be read, or the export can't be written.
    """
    target = _target(options)
    if options.push is not None:
        _check_push(options.push, options)
    dtype = options.dtype or target.dtypes[0]
    if dtype not in target.dtypes:
        raise UsageError(
            f"--to {options.to} writes no weights in {dtype}",
            hint=f"Use: --dtype {' or '.join(target.dtypes)}",
        )
    file = load_model(path)
    if not options.training_text:
        file = without_training_text(file)
    out = options.out or path.with_name(_shown_name(path) + target.ending.format(dtype=dtype))
    _check_name(out, options.to)
    comparer = Comparer(
        file.model, tokenizer=file.tokenizer, windows=_windows(path, file), tell=tell
    )
    job = ExportJob(file, _shown_name(path), dtype, comparer)
    compared = target.export(job, out)
    return ExportReport(out, _num_bytes(out), dtype, compared, target.checked_by)


def _shown_name(path: Path) -> str:
    """Return what a model is called in an export, which is UTF-8 whatever its file's name is."""
    return os.fsencode(model_name(path)).decode("utf-8", "replace")


def _check_name(out: Path, to: TargetName) -> None:
    """Refuse a place that libraries of other programs could not write to."""
    if to not in ("lumina", "web") and any("\ud800" <= char <= "\udfff" for char in str(out)):
        raise OutputError(
            f"{out} can't be written: its name is not UTF-8, which --to {to} needs",
            hint="Name another place: --out FOLDER/NAME",
        )


def _target(options: ExportOptions) -> Target:
    if not options.folder:
        return TARGETS[options.to]
    if options.to != "web":
        raise UsageError(f"--folder is for --to web, not for {options.to}", hint="Leave it out.")
    return WEB_FOLDER


def publication_of(report: ExportReport, repo: str) -> Publication:
    """Return what would be published of an export.

    Raises:
        ExportError: it was not checked.
        UsageError: as `plan_publication` does.
    """
    if report.compared is None:
        raise ExportError(
            f"{report.path} was not checked, and so it is not published",
            hint=f"Install what checks it: pip install {report.checked_by}",
        )
    return plan_publication(report.path, repo)


def _check_push(repo: str, options: ExportOptions) -> None:
    if options.to != "hf":
        raise UsageError(f"--push is for --to hf, not for {options.to}", hint="Leave it out.")
    check_repo(repo)


def _windows(path: Path, file: ModelFile) -> Batch:
    """Return windows of what the model was validated on, or of the starter corpus."""
    sample = read_sample(run_folder_of(path), tokenizer=file.tokenizer)
    seq_length = file.model.config.seq_length
    text = sample or starter_sample(file.tokenizer, num_ids=NUM_WINDOWS * seq_length)
    return _first_windows(text, seq_length=seq_length)


def _first_windows(text: TokenDataset, *, seq_length: int) -> Batch:
    num_chars = int(NUM_WINDOWS * seq_length * text.tokenizer.chars_per_id)
    return next(
        validation_batches(text, seq_length=seq_length, batch_size=NUM_WINDOWS, max_chars=num_chars)
    )


def _num_bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
