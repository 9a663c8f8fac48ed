"""What is to be exported, and what came of it."""

from dataclasses import dataclass
from pathlib import Path

from lumina_cli.core.checkpoint.model_file import ModelFile
from lumina_cli.export.compare import Comparer, Comparison
from lumina_cli.export.names import Dtype


@dataclass(frozen=True, eq=False)
class ExportJob:
    """A model that is exported.

    Args:
        file: the model, in fp32.
        name: what the model is called: its file's name without a suffix.
        dtype: of the weights that are written.
        comparer: checks the export against the model.
    """

    file: ModelFile
    name: str
    dtype: Dtype
    comparer: Comparer


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What came of an export.

    Args:
        path: where it is.
        num_bytes: of all its files.
        dtype: of its weights.
        compared: how far it is from the model; None where nothing could check it.
        checked_by: the package that checks it, to be installed where it is missing.
    """

    path: Path
    num_bytes: int
    dtype: Dtype
    compared: Comparison | None
    checked_by: str
