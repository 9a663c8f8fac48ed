"""The folder for ONNX Runtime, read again by it and compared with the model.

B batch (1), H heads, T time, P positions read before, D head size, V vocabulary.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lumina_cli.core.model.config import ModelConfig
from lumina_cli.export.compare import Bounds, Comparer, Comparison, Ids
from lumina_cli.export.libraries import name_and_version, optional
from lumina_cli.export.names import Dtype

EXACT = Bounds(logit=1e-4)
ROUNDED = Bounds(loss=0.01)


def compare_graph(
    graph: bytes | Path, *, comparer: Comparer, dtype: Dtype, tokenizer: Path | None = None
) -> Comparison | None:
    """Return how far what ONNX Runtime reads is from the model; None where it is not installed.

    Args:
        graph: as it was written, or where.
        comparer: of the model.
        dtype: of the weights.
        tokenizer: a `tokenizer.json` as it was written, whose ids are compared.

    Raises:
        ExportError: it is too far.
    """
    runtime = optional("lumina_cli.onnx.runtime")
    if runtime is None:
        return None
    comparer.tell("loading ONNX Runtime")
    runner = GraphRunner(graph, config=comparer.model.config, onnxruntime=runtime.onnxruntime)
    return comparer.compare(
        library=name_and_version("onnxruntime"),
        logits_of=lambda ids, positions: runner.logits(ids)[positions],
        encode=None if tokenizer is None else _encoder(tokenizer),
        bounds=EXACT if dtype == "fp32" else ROUNDED,
    )


def _encoder(path: Path) -> Callable[[str], list[int]] | None:
    """Return what makes ids of a text, as a `tokenizer.json` says; None where nothing can."""
    tokenizers = optional("tokenizers")
    if tokenizers is None:
        return None
    tokenizer = tokenizers.Tokenizer.from_file(str(path))
    return lambda text: list(tokenizer.encode(text, add_special_tokens=False).ids)


class GraphRunner:
    """A graph in ONNX Runtime."""

    def __init__(self, graph: bytes | Path, *, config: ModelConfig, onnxruntime: Any) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            graph if isinstance(graph, bytes) else str(graph),
            options,
            providers=["CPUExecutionProvider"],
        )
        self._past = {
            f"past_key_values.{number}.{kind}": np.zeros(
                (1, config.num_heads, 0, config.head_size), dtype=np.float32
            )
            for number in range(config.num_layers)
            for kind in ("key", "value")
        }

    def logits(self, ids: Ids) -> Tensor:
        """Return the logits of a text, (T, V), read as in a chat: a half, the rest, the last id."""
        half = max(len(ids) // 2, 1)
        past, parts = self._past, []
        for start, stop in ((0, half), (half, len(ids) - 1), (max(half, len(ids) - 1), len(ids))):
            if stop > start:
                part, past = self._read(ids[start:stop], start=start, past=past)
                parts.append(part)
        return torch.cat(parts)

    def _read(self, ids: Ids, *, start: int, past: dict[str, Any]) -> tuple[Tensor, dict[str, Any]]:
        """Return the logits of some ids, (T, V), and what the next ones need."""
        inputs = {
            "input_ids": ids[None],
            "attention_mask": np.ones((1, start + len(ids)), dtype=np.int64),
            "position_ids": np.arange(start, start + len(ids), dtype=np.int64)[None],
        }
        logits, *present = self._session.run(None, {**inputs, **past})
        return torch.from_numpy(logits[0]), dict(zip(self._past, present, strict=True))
