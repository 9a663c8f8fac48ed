"""Muon, against torch's own and against the singular values."""

import math

import pytest
import torch

from lumina_cli.core.training.optim.muon import (
    NEWTON_SCHULZ,
    NEWTON_SCHULZ_STEPS,
    Matrices,
    Muon,
    orthogonalize,
)
from tests.unit.core.training.optim.apart import ApartRank, exchange


def step(optimizer: Muon) -> None:
    with torch.no_grad():
        optimizer.step(lr_factor=1.0)


def set_gradient(parameter: torch.nn.Parameter, gradient: torch.Tensor) -> None:
    assert parameter.grad is not None
    parameter.grad.copy_(gradient)


@pytest.mark.parametrize("shape", [(8, 8), (8, 12), (8, 32), (32, 8)])
def test_the_step_of_a_matrix_is_torchs_own(shape: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(shape, generator=generator)
    ours, theirs = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    optimizer = Muon([Matrices(ours)], learning_rate=0.1)
    reference = torch.optim.Muon(
        [theirs], lr=0.1, weight_decay=0.0, momentum=0.95, adjust_lr_fn="match_rms_adamw"
    )
    for _ in range(3):
        gradient = torch.randn(shape, generator=generator)
        set_gradient(ours, gradient)
        theirs.grad = gradient.clone()
        step(optimizer)
        reference.step()
    moved, expected = ours - start, theirs - start
    # torch orthogonalizes in bf16, of three digits
    assert (moved - expected).norm() < 0.03 * expected.norm()


def test_orthogonal_matrices_have_singular_values_near_one() -> None:
    matrices = torch.randn(3, 16, 40, generator=torch.Generator().manual_seed(1))
    values = torch.linalg.svdvals(orthogonalize(matrices))
    assert values.min() > 0.5
    assert values.max() < 1.5


def test_a_batch_of_matrices_is_each_by_itself() -> None:
    matrices = torch.randn(3, 6, 10, generator=torch.Generator().manual_seed(2))
    alone = [orthogonalize(matrix.unsqueeze(0)).squeeze(0) for matrix in matrices]
    torch.testing.assert_close(orthogonalize(matrices), torch.stack(alone))


def test_parts_of_a_parameter_move_as_matrices_of_their_own() -> None:
    generator = torch.Generator().manual_seed(3)
    parts = [torch.nn.Parameter(torch.randn(4, 4, generator=generator)) for _ in range(3)]
    whole = torch.nn.Parameter(torch.cat([part.detach() for part in parts]))
    gradient = torch.randn(12, 4, generator=generator)
    together = Muon([Matrices(whole, parts=3)], learning_rate=0.1)
    apart = Muon([Matrices(part) for part in parts], learning_rate=0.1)
    set_gradient(whole, gradient)
    for part, own in zip(parts, gradient.chunk(3), strict=True):
        set_gradient(part, own)
    step(together)
    step(apart)
    torch.testing.assert_close(whole.detach(), torch.cat([part.detach() for part in parts]))


def test_a_gradient_of_zeros_moves_nothing() -> None:
    parameter = torch.nn.Parameter(torch.ones(4, 4))
    step(Muon([Matrices(parameter)], learning_rate=0.1))
    assert torch.equal(parameter.detach(), torch.ones(4, 4))


def polynomials_of_singular_values(matrix: torch.Tensor) -> torch.Tensor:
    """Return what the steps make of a matrix, by its singular values, in fp64."""
    left, values, right = torch.linalg.svd(matrix.double(), full_matrices=False)
    values = values / values.norm()
    a, b, c = NEWTON_SCHULZ
    for _ in range(NEWTON_SCHULZ_STEPS):
        values = a * values + b * values**3 + c * values**5
    return left @ torch.diag(values) @ right


@pytest.mark.parametrize("shape", [(24, 24), (24, 47), (24, 48), (96, 24)])
@pytest.mark.parametrize("weakest", [1.0, 1e-2, 1e-8])
def test_every_singular_value_goes_through_the_polynomial(
    shape: tuple[int, int], weakest: float
) -> None:
    generator = torch.Generator().manual_seed(4)
    left, _, right = torch.linalg.svd(torch.randn(shape, generator=generator), full_matrices=False)
    spread = torch.diag(torch.logspace(0, math.log10(weakest), 24))
    matrix = 1e-3 * left @ spread @ right
    found = orthogonalize(matrix.unsqueeze(0)).squeeze(0)
    expected = polynomials_of_singular_values(matrix)
    assert (found - expected).norm() < 1e-3 * expected.norm()


def test_a_wide_matrix_of_low_rank_stays_finite() -> None:
    generator = torch.Generator().manual_seed(5)
    thin = torch.randn(2, 32, 3, generator=generator) @ torch.randn(2, 3, 128, generator=generator)
    values = torch.linalg.svdvals(orthogonalize(thin))
    assert values[:, 3:].max() < 1e-2
    assert values[:, :3].min() > 0.5


def test_each_rank_moves_its_share_of_the_matrices_and_remembers_no_other() -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(20, 6, generator=generator)  # five of 4 x 6: one, two and two
    alone = torch.nn.Parameter(start.clone())
    one = Muon([Matrices(alone, parts=5)], learning_rate=0.1)
    shared = [torch.nn.Parameter(start.clone()) for _ in range(3)]
    ranks = [
        Muon([Matrices(parameter, parts=5)], learning_rate=0.1, rank=ApartRank(index, of=3))
        for index, parameter in enumerate(shared)
    ]
    for _ in range(3):
        gradient = torch.randn(20, 6, generator=generator)
        for parameter, optimizer in zip([alone, *shared], [one, *ranks], strict=True):
            set_gradient(parameter, gradient)
            step(optimizer)
        exchange([next(iter(rank.flats.values())) for rank in ranks])
    momentum = [rank.buffers[4, 6] for rank in ranks]
    assert [len(part) for part in momentum] == [24, 48, 48]
    assert torch.equal(torch.cat(momentum), one.buffers[4, 6])
    for parameter in shared:
        torch.testing.assert_close(parameter, alone)
