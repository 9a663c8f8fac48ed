"""The folder for transformers, read again by transformers and compared with the model."""

import contextlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lumina_cli.export.compare import Bounds, Comparer, Comparison, Ids
from lumina_cli.export.libraries import name_and_version, optional

EXACT = Bounds(logit=1e-4)
ROUNDED = Bounds(loss=0.01)


def compare_folder(folder: Path, *, comparer: Comparer, is_exact: bool) -> Comparison | None:
    """Return how far what transformers reads is from the model; None where it is not installed.

    Args:
        folder: as it was written.
        comparer: of the model.
        is_exact: whether the weights are in fp32.

    Raises:
        ExportError: it is too far.
    """
    comparer.tell("loading transformers")
    transformers = optional("transformers")
    if transformers is None:
        return None
    with _silent():
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = model.float().eval()
        return comparer.compare(
            library=name_and_version("transformers"),
            logits_of=lambda ids, positions: _logits(model, ids)[positions],
            encode=lambda text: _encode(tokenizer, text),
            bounds=EXACT if is_exact else ROUNDED,
        )


def _logits(model: Any, ids: Ids) -> Tensor:
    logits: Tensor = model(torch.from_numpy(ids)[None]).logits[0]
    return logits


def _encode(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
    return ids


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep what the library logs, warns of and draws off stderr."""
    logger = logging.getLogger("transformers")
    level, bars = logger.level, _bars()
    logger.setLevel(logging.CRITICAL)
    if bars:
        bars.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _bars() -> Any | None:
    return optional("transformers.utils.logging")
