"""The fast kernels, all together; each stays only while its measured gain pays for it.

To do without one, put its form in `functional` in its place. docs/performance.md has the figures.
"""

from lumina_cli.core.model.kernels import attention, dropout
from lumina_cli.core.model.kernels.interface import REFERENCE, Kernels

FAST = Kernels(
    is_fast=True,
    causal_attention=attention.causal_attention,
    dropout=dropout.dropout,
    residual_dropout=dropout.residual_dropout,
)

KERNELS = {"fast": FAST, "reference": REFERENCE}
