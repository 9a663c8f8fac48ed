"""The model compiled, where that works; else as it is.

Compiling needs a C++ compiler on a CPU and Triton on a GPU, and fails in many ways where
one is missing or too old. None of them is worth losing a run.
"""

import torch
from torch import Tensor

from lumina_cli.core.memory import is_out_of_memory
from lumina_cli.core.model.transformer import Transformer


class Compiled:
    """Computes `model.hidden`, compiled at the first call.

    `failure` says why it is computed as it is after all, once that is known.
    """

    def __init__(self, model: Transformer) -> None:
        self.failure: str | None = None
        self._model = model
        self._compiled = torch.compile(model.hidden)
        self._has_worked = False

    def __call__(self, inputs: Tensor) -> Tensor:
        if self.failure is None:
            try:
                hidden: Tensor = self._compiled(inputs)
            except Exception as error:  # whatever a compiler may say
                if self._has_worked or is_out_of_memory(error):
                    raise
                self.failure = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
            else:
                self._has_worked = True
                return hidden
        return self._model.hidden(inputs)
