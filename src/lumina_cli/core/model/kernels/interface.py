"""Which form of its weightless parts a model uses: the plain one, or the fast one.

The switch is `Transformer.kernels`: `REFERENCE` here, `FAST` in `fast.py`.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from torch import Tensor

from lumina_cli.core.model import functional


class Dropout(Protocol):
    def __call__(self, x: Tensor, /, *, rate: float) -> Tensor: ...


class ResidualDropout(Protocol):
    def __call__(self, x: Tensor, y: Tensor, /, *, rate: float) -> Tensor: ...


class Kernels(NamedTuple):
    """The forms in use; `functional` tells what each computes."""

    is_fast: bool
    causal_attention: Callable[[Tensor, Tensor, Tensor], Tensor]
    dropout: Dropout
    residual_dropout: ResidualDropout


REFERENCE = Kernels(
    is_fast=False,
    causal_attention=functional.causal_attention,
    dropout=functional.dropout,
    residual_dropout=functional.residual_dropout,
)
