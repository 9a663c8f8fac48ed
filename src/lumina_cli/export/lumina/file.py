"""A smaller `.pth`, written and compared with the model."""

from pathlib import Path

import torch

from lumina_cli.core.checkpoint.container import read_container
from lumina_cli.core.checkpoint.model_file import MODEL_FORMAT, VERSIONS, load_model, save_model
from lumina_cli.core.checkpoint.rounding import Rounding
from lumina_cli.errors import LuminaError
from lumina_cli.export.compare import Bounds, Comparison
from lumina_cli.export.job import ExportJob
from lumina_cli.export.names import Dtype
from lumina_cli.export.place import export_file

EXPORTED = "exported"
"""In the metadata: the data type, and the digest of the model it was made from."""

_ROUNDINGS: dict[Dtype, Rounding] = {"fp16": "fp16", "bf16": "bf16", "int8": "int8"}
_BOUNDS: dict[Dtype, Bounds] = {
    "fp32": Bounds(logit=0.0),
    "fp16": Bounds(loss=0.001),
    "bf16": Bounds(loss=0.01),
    "int8": Bounds(loss=0.01),
}


def export_lumina(job: ExportJob, path: Path) -> Comparison:
    """Write the file, read it again and return how far it is from the model.

    Raises:
        ExportError: it is too far; then nothing is written.
        NotFiniteError: a weight is too large for fp16.
        OutputError, StorageError: as `export_file` does.
    """
    file = job.file
    with export_file(path, is_ours=_is_export) as staging:
        job.comparer.tell("writing the model")
        save_model(
            staging,
            model=file.model,
            tokenizer=file.tokenizer,
            metadata={**file.metadata, EXPORTED: {"dtype": job.dtype, "digest": file.digest}},
            draft=file.draft,
            rounding=_ROUNDINGS.get(job.dtype),
        )
        again = load_model(staging)
        return job.comparer.compare(
            library="lumina",
            logits_of=lambda ids, at: again.model(torch.from_numpy(ids)[None])[0, at],
            encode=again.tokenizer.encode,
            bounds=_BOUNDS[job.dtype],
        )


def _is_export(path: Path) -> bool:
    """Whether a file is an export, whole; a model that was trained is never written over."""
    try:
        header = read_container(path, kind=MODEL_FORMAT, versions=VERSIONS).header
    except LuminaError:
        return False
    metadata = header.get("metadata")
    return isinstance(metadata, dict) and EXPORTED in metadata
