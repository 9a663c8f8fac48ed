"""A model's matrices as an ONNX graph stores them: in fp32, in fp16, or in blocks of 8 bits.

Source: Dettmers et al. 2022, "8-bit Optimizers via Block-wise Quantization", section 2.1 (blocks).

N outputs, K inputs, B blocks of each output, S inputs of a block.
"""

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

WeightsFormat = Literal["fp32", "fp16", "int8"]
"""What matrices are stored in; whatever the format, all else and every input is fp32."""

Array = npt.NDArray[np.float32]

BLOCK_SIZE = 32
"""Inputs that share a scale."""

LARGEST = 127
ZERO_POINT = 128
"""What stands for 0, for MatMulNBits reads numbers without a sign."""

_SMALLEST = np.float32(1e-20)


class QuantizedMatrix(NamedTuple):
    """A matrix in whole steps.

    Attributes:
        steps: (N, B, S), from 1 to 255; what is beyond K is `ZERO_POINT`.
        scales: the size of a step in each block, (N, B).
        num_inputs: K.
    """

    steps: npt.NDArray[np.uint8]
    scales: Array
    num_inputs: int


def quantize(weight: Array, *, block_size: int = BLOCK_SIZE) -> QuantizedMatrix:
    """Round a matrix (N, K) to 255 steps in each block of inputs, 0 among them."""
    N, K = weight.shape
    num_blocks = -(-K // block_size)
    padded = np.zeros((N, num_blocks * block_size), np.float32)
    padded[:, :K] = weight
    blocks = padded.reshape(N, num_blocks, block_size)
    largest = np.maximum(blocks.max(axis=2), -blocks.min(axis=2))
    scales = np.maximum(largest / np.float32(LARGEST), _SMALLEST)
    blocks /= scales[:, :, None]
    np.rint(blocks, out=blocks)
    blocks += ZERO_POINT
    return QuantizedMatrix(blocks.astype(np.uint8), scales, K)


def dequantize(matrix: QuantizedMatrix) -> Array:
    """Return the matrix (N, K) that the steps stand for, in fp32."""
    blocks = matrix.steps.astype(np.float32)
    blocks -= ZERO_POINT
    blocks *= matrix.scales[:, :, None]
    return np.ascontiguousarray(blocks.reshape(len(blocks), -1)[:, : matrix.num_inputs])
