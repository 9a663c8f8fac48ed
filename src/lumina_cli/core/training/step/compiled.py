"""The model compiled, where that works; else as it is.

Compiling needs a C++ compiler on a CPU and Triton on a GPU, and fails in many ways where
one is missing or too old. None of them is worth losing a run.
"""

import os
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from lumina_cli.core.memory import is_out_of_memory
from lumina_cli.core.model.transformer import Transformer
from lumina_cli.errors import StorageError
from lumina_cli.io.folders.cache_folder import compiled_folder
from lumina_cli.io.folders.private_folder import check_trusted, make_private_folder

_CODE_FOLDERS = {"TORCHINDUCTOR_CACHE_DIR": "inductor", "TRITON_CACHE_DIR": "triton"}
"""Variables that name where compiled code is kept, to be run again later."""


class Compiled:
    """Computes `model.hidden`, compiled at the first call: whole, or each of its layers.

    What a compiler has to say may come with any call, forward or backward: it compiles anew
    for windows of another length. `failure` says why the model is computed as it is after
    all, once that is known.

    Args:
        model: to compile.
        by_layer: so that gradients are there layer by layer, for other ranks: those of what is
            compiled whole come at once in the end (pytorch#109774).
    """

    def __init__(self, model: Transformer, *, by_layer: bool = False) -> None:
        self.failure: str | None = None
        self._model = model
        keep_code_private()
        self._layers = [torch.compile(layer._call_impl) for layer in model.h] if by_layer else []
        self._compiled = self._by_layer if by_layer else torch.compile(model.hidden)

    def __call__(self, inputs: Tensor) -> Tensor:
        compute = self._model.hidden if self.failure is not None else self._compiled
        hidden: Tensor = compute(inputs)
        return hidden

    def give_up(self, error: Exception) -> bool:
        """Go on uncompiled after an error; return whether that can be of any use."""
        if self.failure is not None or is_out_of_memory(error):
            return False
        self.failure = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        return True

    def give_up_with_others(self) -> None:
        """Go on uncompiled, as another rank has to."""
        if self.failure is None:
            self.failure = "it could not be compiled on another rank"

    def _by_layer(self, inputs: Tensor) -> Tensor:
        """Compute with compiled layers; what computes the model otherwise finds it as it was."""
        if self._model.activation_checkpointing:  # which would compute anew by others
            return self._model.hidden(inputs)
        try:
            for layer, compiled in zip(self._model.h, self._layers, strict=True):
                layer._compiled_call_impl = compiled
            return self._model.hidden(inputs)
        finally:
            for layer in self._model.h:
                layer._compiled_call_impl = None


def keep_code_private() -> None:
    """Have compiled code kept where nobody else can put any; torch's own place is shared.

    A place that the user names stays. Where lumina's cache can't be used, it is a new folder.
    """
    if all(map(os.environ.get, _CODE_FOLDERS)):
        return
    folder = compiled_folder()
    try:
        check_trusted(folder)
        make_private_folder(folder)
    except (OSError, StorageError):
        folder = Path(tempfile.mkdtemp(prefix="lumina-compiled-"))
    for variable, name in _CODE_FOLDERS.items():
        if not os.environ.get(variable):
            os.environ[variable] = str((folder / name).absolute())
