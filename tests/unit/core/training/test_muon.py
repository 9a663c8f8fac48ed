"""Muon, against torch's own and against the singular values."""

import pytest
import torch

from lumina_cli.core.training.muon import Muon, orthogonalize


@pytest.mark.parametrize("shape", [(8, 8), (8, 32), (32, 8)])
def test_the_step_of_a_matrix_is_torchs_own(shape: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(shape, generator=generator)
    ours, theirs = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    optimizer = Muon([{"params": [ours]}], lr=0.1)
    reference = torch.optim.Muon(
        [theirs], lr=0.1, weight_decay=0.0, momentum=0.95, adjust_lr_fn="match_rms_adamw"
    )
    for _ in range(3):
        gradient = torch.randn(shape, generator=generator)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        optimizer.step()
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
    whole.grad = gradient
    for part, own in zip(parts, gradient.chunk(3), strict=True):
        part.grad = own
    Muon([{"params": [whole], "parts": 3}], lr=0.1).step()
    Muon([{"params": parts}], lr=0.1).step()
    torch.testing.assert_close(whole.detach(), torch.cat([part.detach() for part in parts]))


def test_a_gradient_of_zeros_moves_nothing() -> None:
    parameter = torch.nn.Parameter(torch.ones(4, 4))
    parameter.grad = torch.zeros(4, 4)
    Muon([{"params": [parameter]}], lr=0.1).step()
    assert torch.equal(parameter.detach(), torch.ones(4, 4))
