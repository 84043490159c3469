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
def _add_up(accumulators: NDArray[np.int32], blocks: NDArray[np.int64]) -> None:
    """The sums over a row of blocks, int64 (columns,), in place, from those of the pixel columns,
    int32 (W,)."""
    width, columns = len(accumulators), len(blocks)
    for j in range(columns):
        total = np.int64(0)
        for x in range(j * width // columns, (j + 1) * width // columns):
            total += accumulators[x]
        blocks[j] = total


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
        _add_up(accumulators, sums[i])
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


@compiled
def median_moments(
    moments: NDArray[np.int64],
    pixels: NDArray[np.int64],
    reference: NDArray[np.float64],
    textured: NDArray[np.bool_],
    added: tuple[float, float],
) -> NDArray[np.float64]:
    """How n pictures compare with a reference, block by block, float64 (n, 3): the medians of the
    logs of brightness and of contrast, and that of the correlation over the `textured` blocks.

    `moments`: int64 (n, 3, B), sums of x, x² and x·r over blocks of `pixels`, int64 (B,), as of
    `block_moments`; `reference`: float64 (2, B), its means and deviations; `textured`: bool (B,).
    `added` goes to means and to deviations before they are compared.
    """
    n, _, blocks = moments.shape
    mean, deviation = reference
    looks = np.empty((n, 3))
    brightness, contrast = np.empty(blocks), np.empty(blocks)
    correlation = np.empty(np.count_nonzero(textured))
    for i in range(n):
        seen = 0
        for b in range(blocks):
            x = moments[i, 0, b] / pixels[b]
            spread = np.sqrt(max(moments[i, 1, b] / pixels[b] - x * x, 0.0))
            brightness[b] = np.log((x + added[0]) / (mean[b] + added[0]))
            contrast[b] = np.log((spread + added[1]) / (deviation[b] + added[1]))
            if textured[b]:
                together = max(moments[i, 2, b] / pixels[b] - x * mean[b], 0.0)
                correlation[seen] = together / max(spread * deviation[b], 1e-9)
                seen += 1
        looks[i, 0], looks[i, 1] = np.median(brightness), np.median(contrast)
        looks[i, 2] = np.median(correlation)
    return looks


@compiled
def block_sums(image: NDArray[np.uint8], rows: int, columns: int) -> NDArray[np.int64]:
    """Sum of the pixels of `image`, uint8 (H, W), over each block of a rows × columns grid, int64
    (rows, columns). Blocks lie as in `block_squared_differences`."""
    height, width = image.shape
    sums = np.zeros((rows, columns), np.int64)
    accumulators = np.zeros(width, np.int32)
    for i in range(rows):
        accumulators[:] = 0
        for y in range(i * height // rows, (i + 1) * height // rows):
            for x in range(width):
                accumulators[x] += image[y, x]
        _add_up(accumulators, sums[i])
    return sums


@compiled
def changes_back(
    values: NDArray[np.float32], first: NDArray[np.int64], most: int, largest: bool
) -> NDArray[np.float32]:
    """How much each of n frames differs from the one k + 1 before it, float32 (n, most).

    `values`: float32 (n, B), a number for each block of the picture; the change is the `largest` of
    the blocks' absolute differences, or their mean. Infinite for frames before the row `first`,
    int64 (n,).
    """
    n, blocks = values.shape
    changes = np.full((n, most), np.float32(np.inf), np.float32)
    for i in range(n):
        for k in range(min(i - first[i], most)):
            top, total = np.float32(0), np.float32(0)
            for b in range(blocks):
                difference = abs(values[i, b] - values[i - k - 1, b])
                top = max(top, difference)
                total += difference
            changes[i, k] = top if largest else total / np.float32(blocks)
    return changes


@compiled
def anchors_of(
    changes: NDArray[np.float32],
    ordinals: NDArray[np.int64],
    asked: NDArray[np.bool_],
    delay: int,
    threshold: float,
) -> NDArray[np.int64]:
    """The row of the frame that each of n frames is linked to, int64 (n,): its own for one that is
    handed on, and for those that are not `asked`, bool (n,), about.

    `changes`: of `changes_back`, as far back as any frame is linked.
    """
    n, most = changes.shape
    anchors = np.arange(n)
    last = -1
    for i in range(n):
        if not asked[i]:
            continue
        back = i - last - 1
        if (
            last >= 0
            and back < most
            and ordinals[i] - ordinals[last] < delay
            and changes[i, back] < threshold
        ):
            anchors[i] = last
        else:
            last = i
    return anchors
