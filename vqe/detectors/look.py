"""The look of a frame: what changes where the light changes, the camera moves, or the lens is wet.

Three numbers per frame, each a median over the blocks of the picture: an object that covers less
than half of them leaves it as it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vqe.detectors.kernels import block_moments, median_moments
from vqe.video.frames import FrameBatch

BLOCKS = (10, 10)
"""Blocks per column and row over which the median is taken."""

ASPECTS = ("brightness", "contrast", "view")
"""What a look tells: log of the brightness and of the contrast, and how far the details agree with
the reference image, whatever the light: the log of the share of their variance that they do not
explain in each other."""

ROWS = 90
"""Pixel rows that are looked at, about: the others look alike."""

DARK, FLAT = 8.0, 2.0
"""Grey values that are added to means and deviations, so that noise near zero counts for little."""

UNEXPLAINED = 0.02
"""Added to the share of the variance that is not explained: below it there is only noise."""


@dataclass(frozen=True)
class LookMeasure:
    """Measures looks against the reference image, uint8 (H, W)."""

    reference: NDArray[np.uint8]

    def __call__(self, frames: FrameBatch, rows: Iterable[int]) -> NDArray[np.float64]:
        """The looks of the frames at `rows`, float64 (n, 3), in the order of ASPECTS."""
        return self.looks(frames.luma(row) for row in rows)

    def looks(self, lumas: Iterable[NDArray[np.uint8]]) -> NDArray[np.float64]:
        """The looks of pictures by their luma planes, each uint8 (H, W); float64 (n, 3)."""
        empty = self._of_reference
        sums = [block_moments(luma, self.reference, *BLOCKS, self._step) for luma in lumas]
        moments = np.array(sums, np.int64).reshape(-1, 3, empty.pixels.size)
        looks = median_moments(moments, empty.pixels, empty.moments, empty.textured, (DARK, FLAT))
        explained = np.minimum(looks[:, 2] ** 2, 1)
        looks[:, 2] = np.log(1 + UNEXPLAINED - explained)
        return looks

    @property
    def _step(self) -> int:
        height, _ = self.reference.shape
        return max(int(height) // ROWS, 1)

    @cached_property
    def _of_reference(self) -> _Blocks:
        ones = np.ones_like(self.reference)
        pixels = np.maximum(block_moments(ones, ones, *BLOCKS, self._step)[0], 1).ravel()
        sums = block_moments(self.reference, ones, *BLOCKS, self._step).reshape(3, -1) / pixels
        deviation = np.sqrt(np.maximum(sums[1] - sums[0] * sums[0], 0))
        return _Blocks(pixels, np.stack([sums[0], deviation]), deviation >= np.median(deviation))


@dataclass(frozen=True)
class _Blocks:
    """Per block of the reference image: pixels looked at, (100,), their mean and deviation, (2,
    100), and whether it is among the half with more texture, (100,)."""

    pixels: NDArray[np.int64]
    moments: NDArray[np.float64]
    textured: NDArray[np.bool_]
