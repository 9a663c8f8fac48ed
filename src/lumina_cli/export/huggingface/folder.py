"""The folder for transformers, written and checked."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch

from lumina_cli.errors import StorageError
from lumina_cli.export.compare import Comparison
from lumina_cli.export.huggingface.card import model_card
from lumina_cli.export.huggingface.check import compare_folder
from lumina_cli.export.huggingface.config import TorchDtype, generation_config, model_config
from lumina_cli.export.huggingface.tokenizer import tokenizer_config, tokenizer_json
from lumina_cli.export.huggingface.weights import hf_weights
from lumina_cli.export.job import ExportJob
from lumina_cli.export.libraries import needed
from lumina_cli.export.names import Dtype
from lumina_cli.export.place import export_folder

WEIGHTS = "model.safetensors"
_ROOM = "Make room on the disk."
_TORCH_DTYPES: dict[Dtype, TorchDtype] = {
    "fp32": "float32",
    "fp16": "float16",
    "bf16": "bfloat16",
}


def export_huggingface(job: ExportJob, path: Path) -> Comparison | None:
    """Write the folder; return how far it is from the model, None where that can't be known.

    Raises:
        UsageError: the package safetensors is not installed.
        ExportError: it is too far; then nothing is written.
        OutputError, StorageError: as `export_folder` does.
    """
    safetensors = needed("safetensors.torch")
    with export_folder(path) as folder:
        job.comparer.tell("writing the weights")
        write_texts(job, folder)
        dtype = getattr(torch, _TORCH_DTYPES[job.dtype])
        weights = hf_weights(job.file.model.state_dict(), job.file.model.config)
        weights = {name: tensor.to(dtype).contiguous() for name, tensor in weights.items()}
        try:
            safetensors.save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
        except needed("safetensors").SafetensorError as error:  # it has no OSError
            raise StorageError(f"{path} can't be written: {error}", hint=_ROOM) from error
        # The library lets nobody else read it; the other files are as the user's usually are.
        (folder / WEIGHTS).chmod((folder / "config.json").stat().st_mode)
        return compare_folder(folder, comparer=job.comparer, is_exact=job.dtype == "fp32")


def write_texts(
    job: ExportJob, folder: Path, *, more_config: Mapping[str, object] | None = None
) -> None:
    """Write all files of the folder but the weights.

    Args:
        job: the model.
        folder: to write them to.
        more_config: what else `config.json` holds.
    """
    file, seq_length = job.file, job.file.model.config.seq_length
    shape = model_config(
        file.model.config,
        vocab_size=file.tokenizer.vocab_size,
        dtype=_TORCH_DTYPES.get(job.dtype, "float32"),
    )
    sampling = file.metadata.get("sampling", {})
    for name, content in (
        ("config.json", {**shape, **(more_config or {})}),
        ("generation_config.json", generation_config(sampling, seq_length=seq_length)),
        ("tokenizer.json", tokenizer_json(file.tokenizer)),
        ("tokenizer_config.json", tokenizer_config(seq_length=seq_length)),
    ):
        text = json.dumps(content, ensure_ascii=False, indent=2)
        (folder / name).write_text(text + "\n", encoding="utf-8", newline="\n")
    card = model_card(file, name=job.name)
    (folder / "README.md").write_text(card, encoding="utf-8", newline="\n")
