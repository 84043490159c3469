"""Numba kernels: arrays in, arrays out, no policy."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Kernel = TypeVar("Kernel", bound=Callable[..., object])


def compiled(function: Kernel) -> Kernel:
    """The function in machine code, kept on disk where numba finds a folder that it may write.

    A kernel does not check its indices: whoever calls it makes sure that the shapes fit.
    """
    try:
        return cast(Kernel, njit(cache=True, nogil=True)(function))
    except RuntimeError:  # no such folder: every process compiles anew
        return cast(Kernel, njit(nogil=True)(function))


@compiled
def block_squared_differences(
    image: NDArray[np.uint8], reference: NDArray[np.uint8], rows: int, columns: int
) -> NDArray[np.int64]:
    """Sum of (image − reference)² over each block of a rows × columns grid, int64 (rows, columns).

    `image` and `reference` are uint8 (H, W). Block (i, j) covers the pixel rows
    [i·H // rows, (i+1)·H // rows) and the pixel columns likewise.
    """
    height, width = image.shape
    sums = np.zeros((rows, columns), np.int64)
    # One accumulator per pixel column keeps the inner loop over contiguous memory, so that it
    # vectorises; int32 holds 33,000 rows of the largest difference.
    accumulators = np.zeros(width, np.int32)
    for i in range(rows):
        accumulators[:] = 0
        for y in range(i * height // rows, (i + 1) * height // rows):
            for x in range(width):
                difference = np.int32(image[y, x]) - np.int32(reference[y, x])
                accumulators[x] += difference * difference
        for j in range(columns):
            total = np.int64(0)
            for x in range(j * width // columns, (j + 1) * width // columns):
                total += accumulators[x]
            sums[i, j] = total
    return sums


@compiled
def add_image(total: NDArray[np.int64], image: NDArray[np.uint8]) -> None:
    """total += image, in place; int64 (H, W) and uint8 (H, W)."""
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            total[y, x] += image[y, x]


@compiled
def block_moments(
    image: NDArray[np.uint8], reference: NDArray[np.uint8], rows: int, columns: int, step: int
) -> NDArray[np.int64]:
    """Sums of x, x² and x·r over each block of a rows × columns grid, int64 (3, rows, columns).

    x are the pixels of `image`, uint8 (H, W), r those of `reference`; of each block every
    `step`-th pixel row counts, from its first. Blocks lie as in `block_squared_differences`.
    """
    height, width = image.shape
    sums = np.zeros((3, rows, columns), np.int64)
    accumulators = np.zeros((3, width), np.int32)
    for i in range(rows):
        accumulators[:] = 0
        for y in range(i * height // rows, (i + 1) * height // rows, step):
            for x in range(width):
                value = np.int32(image[y, x])
                accumulators[0, x] += value
                accumulators[1, x] += value * value
                accumulators[2, x] += value * np.int32(reference[y, x])
        for j in range(columns):
            for x in range(j * width // columns, (j + 1) * width // columns):
                for k in range(3):
                    sums[k, i, j] += accumulators[k, x]
    return sums
