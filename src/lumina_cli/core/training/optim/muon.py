"""Muon: steps of equal strength in every direction of a matrix.

The momentum of a matrix is replaced by the nearest (semi-)orthogonal matrix, found by a
few Newton–Schulz steps. Small models learn much faster with it than with AdamW.

Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"; the
scale of the step after Liu et al. 2025, "Muon is Scalable for LLM Training", section 2.2.

Ranks that train together share its work: each computes the steps of some matrices, and all have
all of the momentum, so that a checkpoint is that of one.

N matrices, of A by B numbers each.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lumina_cli.core.memory import retry_on_oom
from lumina_cli.core.training.optim.flat import flatten
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
        rank: which one this is of those that share the work.
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
        self.rank = rank
        self.flats = {shape: flatten(parameters) for shape, parameters in by_shape.items()}
        self.buffers = {shape: torch.zeros_like(flat.values) for shape, flat in self.flats.items()}

    def step(self, *, lr_factor: float) -> None:
        """Do one step at a share of the highest learning rate, some matrices of a shape at a time.

        It is whole even if memory runs out: what is computed is copied to its place, and both
        can be done again.
        """
        lr = self.learning_rate * lr_factor
        for shape, part in self._chunks(self.rank.index):
            updated = retry_on_oom(partial(self._updated, shape, part, lr=lr))
            retry_on_oom(partial(self._write, shape, part, *updated))
        for other in range(self.rank.world_size):
            for shape, part in self._chunks(other) if other != self.rank.index else ():
                buffer = retry_on_oom(partial(self._momentum, shape, part))
                retry_on_oom(partial(self.buffers[shape][part].copy_, buffer))
        for shape, flat in self.flats.items():
            self.rank.share(flat.values, self._bounds(shape))

    def state_dict(self) -> dict[str, Tensor]:
        """Return the live tensors of the state, by name."""
        return {f"momentum-{rows}x{cols}": t for (rows, cols), t in self.buffers.items()}

    def _bounds(self, shape: tuple[int, int]) -> list[int]:
        """Return between which of the numbers of a shape the matrices of each rank lie."""
        size, count = shape[0] * shape[1], self.rank.world_size
        num_matrices = len(self.flats[shape]) // size
        return [num_matrices * index // count * size for index in range(count + 1)]

    def _chunks(self, index: int) -> Iterator[tuple[tuple[int, int], slice]]:
        """Yield shapes of matrices, and slices of their flat parameters: those of a rank."""
        for shape, flat in self.flats.items():
            size = shape[0] * shape[1]
            chunk = max(CHUNK[flat.values.device.type] // size, 1) * size
            first, last = self._bounds(shape)[index : index + 2]
            for start in range(first, last, chunk):
                yield shape, slice(start, min(start + chunk, last))

    def _updated(self, shape: tuple[int, int], part: slice, *, lr: float) -> tuple[Tensor, Tensor]:
        """Return what momentum and values will be; nothing is changed yet."""
        flat, buffer = self.flats[shape], self._momentum(shape, part)
        ahead = torch.lerp(flat.gradients[part], buffer, self.momentum)  # Nesterov's form
        steps = orthogonalize(ahead.view(-1, *shape))
        values = flat.values[part].sub(steps.reshape(-1), alpha=lr * SCALE * max(shape) ** 0.5)
        return buffer, values

    def _momentum(self, shape: tuple[int, int], part: slice) -> Tensor:
        return torch.lerp(
            self.buffers[shape][part], self.flats[shape].gradients[part], 1 - self.momentum
        )

    def _write(self, shape: tuple[int, int], part: slice, buffer: Tensor, values: Tensor) -> None:
        self.buffers[shape][part] = buffer
        self.flats[shape].values[part] = values


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
