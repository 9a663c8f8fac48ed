import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lumina_cli.onnx.weights import ZERO_POINT, dequantize, quantize

numbers = st.floats(-100, 100, width=32)
matrices = arrays.arrays(
    np.float32, st.tuples(st.integers(1, 4), st.integers(1, 70)), elements=numbers
)


@given(matrices)
def test_no_number_moves_by_more_than_half_a_step_of_its_block(weight):
    matrix = quantize(weight, block_size=32)
    steps = np.repeat(matrix.scales, 32, axis=1)[:, : weight.shape[1]]
    assert np.all(np.abs(dequantize(matrix) - weight) <= 0.5001 * steps)


def test_a_block_has_a_scale_of_its_own_from_its_largest_number():
    weight = np.array([[1.0, -127.0, 0.0, 2.0, 254.0, -4.0]], np.float32)
    matrix = quantize(weight, block_size=4)
    assert matrix.scales.tolist() == [[1.0, 2.0]]
    steps = matrix.steps.astype(int) - ZERO_POINT
    assert steps.tolist() == [[[1, -127, 0, 2], [127, -2, 0, 0]]]


@pytest.mark.parametrize("block_size", [16, 32, 128])
def test_zeros_stay_zeros(block_size):
    weight = np.zeros((3, 40), np.float32)
    assert not dequantize(quantize(weight, block_size=block_size)).any()
