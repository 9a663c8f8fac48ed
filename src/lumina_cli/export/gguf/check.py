"""The GGUF file, read again by llama.cpp and compared with the model.

llama.cpp looks up its GELU in a table of half precision, so even fp32 is not exact there.
"""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lumina_cli.errors import ExportError
from lumina_cli.export.compare import BUG, Bounds, Comparer, Comparison, Ids
from lumina_cli.export.gguf.tokenizer import reads_alike
from lumina_cli.export.libraries import is_installed, name_and_version

CLOSE = Bounds(logprob=0.1, loss=0.001)
QUANTIZED = Bounds(loss=0.01)

_MAX_LOGPROBS = 16_000
"""Of a window: they are written as text."""

_MAX_POSITIONS = 16
"""Each takes milliseconds."""

_PATIENCE_S = 120.0
"""For one answer."""


def compare_gguf(path: Path, *, comparer: Comparer, is_quantized: bool) -> Comparison | None:
    """Return how far what llama.cpp reads is from the model; None where it is not installed.

    Args:
        path: of the file.
        comparer: of the model.
        is_quantized: whether weights are in 8 bits.

    Raises:
        ExportError: it is too far, or can't be read.
    """
    if not is_installed("xllamacpp"):
        return None
    comparer.tell("loading llama.cpp")
    most = min(_MAX_LOGPROBS // comparer.tokenizer.vocab_size + 1, _MAX_POSITIONS)
    with _llama(path) as llama:
        return comparer.without_last_position().compare(
            library=f"llama.cpp ({name_and_version('xllamacpp')})",
            logits_of=llama.logprobs,
            encode=llama.encode,
            bounds=QUANTIZED if is_quantized else CLOSE,
            max_positions=most,
            gives_logprobs=True,
            reads_alike=reads_alike if comparer.tokenizer.bpe_table().merges else None,
        )


class LlamaProcess:
    """llama.cpp with a model, in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.num_ids = int(self._read()["num_ids"])

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text."""
        return list(self._ask({"text": text})["ids"])

    def logprobs(self, ids: Ids, positions: Ids) -> Tensor:
        """Return the log-probabilities of what comes after some positions of a text, (P, V)."""
        request = {"ids": ids.tolist(), "positions": positions.tolist()}
        return torch.tensor(self._ask(request)["logprobs"])

    def _ask(self, request: dict[str, object]) -> dict[str, Any]:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it is gone, and so there is no answer
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        """Return the next answer; a process that is silent for too long is ended."""
        assert self._process.stdout is not None
        timer = threading.Timer(_PATIENCE_S, self._process.kill)
        timer.start()
        try:
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            raise ExportError("llama.cpp can't read the export: nothing was written", hint=BUG)
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextlib.contextmanager
def _llama(path: Path) -> Iterator[LlamaProcess]:
    """Start llama.cpp with a file, and end it."""
    module = f"{__package__}.llama_worker"
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", module, str(path.absolute())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    try:
        yield LlamaProcess(process)
    finally:
        process.kill()
        with process:  # closes its streams, and waits for it
            pass
