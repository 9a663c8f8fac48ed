"""Muon: steps of equal strength in every direction of a matrix.

The momentum of a matrix is replaced by the nearest (semi-)orthogonal matrix, found by a
few Newton–Schulz steps. Small models learn much faster with it than with AdamW.

Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"; the
scale of the step after Liu et al. 2025, "Muon is Scalable for LLM Training", section 2.2.

Ranks that train together share its work: each has the momentum of some matrices, and computes
their steps.

N matrices, of A by B numbers each.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lumina_cli.core.memory import retry_on_oom
from lumina_cli.core.training.optim.flat import StatePart, flatten
from lumina_cli.core.training.parallel.rank import ALONE, Rank

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic: steep at zero, and flat enough near one."""

NEWTON_SCHULZ_STEPS = 5
SCALE = 0.2
"""Times √max(A, B): the mean size of a number in the step is then about that of AdamW's."""

CHUNK = {"cpu": 1 << 19, "cuda": 1 << 23, "mps": 1 << 23}
"""Numbers that a step computes with at once, at most: as many as fit into a CPU's cache; on a GPU
more are faster, and these still need little memory."""

SCRATCH = 9
"""Numbers that a step needs for a moment for each that it computes with at once, by measuring."""


def scratch_bytes(device: torch.device) -> int:
    """Return the memory that a step needs for a moment, at most."""
    return 4 * SCRATCH * CHUNK[device.type]


class Matrices(NamedTuple):
    """A parameter that is one matrix, or `parts` of them on top of each other."""

    parameter: nn.Parameter
    parts: int = 1

    @property
    def shape(self) -> tuple[int, int]:
        rows, columns = self.parameter.shape
        return rows // self.parts, columns


class Muon:
    """Muon for matrices.

    Args:
        matrices: those of a shape are computed together: many small products are slow.
        learning_rate: the highest.
        momentum: share of the momentum that is kept from step to step.
        rank: which one this is of those that have some of the matrices each.
    """

    def __init__(
        self,
        matrices: Sequence[Matrices],
        *,
        learning_rate: float,
        momentum: float = 0.95,
        rank: Rank = ALONE,
    ) -> None:
        by_shape: dict[tuple[int, int], list[nn.Parameter]] = defaultdict(list)
        for each in matrices:
            by_shape[each.shape].append(each.parameter)
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.flats = {
            shape: flatten(parameters, rank=rank, unit=shape[0] * shape[1])
            for shape, parameters in by_shape.items()
        }
        self.buffers = {shape: torch.zeros_like(f.own(f.values)) for shape, f in self.flats.items()}

    def step(self, *, lr_factor: float) -> None:
        """Do one step of this rank's matrices, some at a time, at a share of the learning rate.

        It is whole even if memory runs out: what is computed is copied to its place, and both
        can be done again.
        """
        lr = self.learning_rate * lr_factor
        for shape, part in self._chunks():
            updated = retry_on_oom(partial(self._updated, shape, part, lr=lr))
            retry_on_oom(partial(self._write, shape, part, *updated))

    def state(self) -> dict[str, StatePart]:
        """Return the momentum by name."""
        return {
            f"momentum-{shape[0]}x{shape[1]}": StatePart(buffer, self.flats[shape])
            for shape, buffer in self.buffers.items()
        }

    def _chunks(self) -> Iterator[tuple[tuple[int, int], slice]]:
        """Yield shapes of matrices, and slices of the part that this rank has of them."""
        for shape, buffer in self.buffers.items():
            size = shape[0] * shape[1]
            chunk = max(CHUNK[buffer.device.type] // size, 1) * size
            for start in range(0, len(buffer), chunk):
                yield shape, slice(start, start + chunk)

    def _updated(self, shape: tuple[int, int], part: slice, *, lr: float) -> tuple[Tensor, Tensor]:
        """Return what momentum and values will be; nothing is changed yet."""
        flat = self.flats[shape]
        gradients, values = flat.own(flat.gradients)[part], flat.own(flat.values)[part]
        buffer = torch.lerp(self.buffers[shape][part], gradients, 1 - self.momentum)
        ahead = torch.lerp(gradients, buffer, self.momentum)  # Nesterov's form
        steps = orthogonalize(ahead.view(-1, *shape))
        return buffer, values.sub(steps.reshape(-1), alpha=lr * SCALE * max(shape) ** 0.5)

    def _write(self, shape: tuple[int, int], part: slice, buffer: Tensor, values: Tensor) -> None:
        self.buffers[shape][part] = buffer
        flat = self.flats[shape]
        flat.own(flat.values)[part] = values


def orthogonalize(matrices: Tensor) -> Tensor:
    """Return matrices with the same singular vectors and singular values near one, (N, A, B)."""
    tall = matrices.size(-2) > matrices.size(-1)
    x = matrices.mT if tall else matrices
    norms: Tensor = torch.linalg.matrix_norm(x, keepdim=True)
    x = x / (norms + 1e-7)
    a, b, c = NEWTON_SCHULZ
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = x @ x.mT  # (N, A, A), the smaller side
        polynomial = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        x = torch.baddbmm(x, polynomial, x, beta=a)
    return x.mT if tall else x
