"""A model in closed form that tells frames like the usual ones from all others.

Gaussian-process regression over thumbnails (Rasmussen and Williams, "Gaussian Processes for Machine
Learning", MIT Press 2006, chapter 2) with the prior mean 1 for "unusual": a frame that is like
usual ones scores about 0, one like unusual ones about 1, and so does one that is like nothing
known. Fitting takes milliseconds, and what the score of an example would be had the examples around
it been left out follows without fitting again (section 5.4.2 there, for one at a time).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vqe.models.specialized import THREADS
from vqe.models.threads import torch_threads

SIZE = 32
"""Side of the thumbnails in pixels."""

REACH = 30.0
"""Squared length over which frames resemble one another, in those from a usual frame to the one
most like it: a model that is nearly linear among neighbours, and knows when it is far from all."""

NOISE = 0.03
"""Variance of an example's label about the smooth answer."""

CHUNK = 1024
"""Frames that are scored at a time."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class KernelModel:
    """A fitted model.

    `mean`, `scale`: float32 (D,), of usual pixels; `examples`: float32 (n, D), in units of these;
    `weights`: float64 (n,); `held_out`: float64 (n,), the scores of the examples by what is known
    from other stretches.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    examples: NDArray[np.float32]
    squared_length: float
    weights: Floats
    held_out: Floats

    @torch_threads(THREADS)
    def score(self, thumbnails: NDArray[np.uint8]) -> Floats:
        """uint8 (N, SIZE, SIZE, 3) RGB to float64 (N,): about 0 for usual frames."""
        score = np.empty(len(thumbnails))
        for first in range(0, len(thumbnails), CHUNK):
            rows = slice(first, first + CHUNK)
            pixels = (_pixels(thumbnails[rows]) - self.mean) / self.scale
            distances = _squared_distances(pixels, self.examples)
            similarity = _similarity(distances, self.squared_length)
            score[rows] = 1 - _product(similarity.astype(np.float64), self.weights)
        return score


@torch_threads(THREADS)
def fit_kernel(
    thumbnails: NDArray[np.uint8], unusual: NDArray[np.bool_], stretch: NDArray[np.int64]
) -> KernelModel:
    """Learns from uint8 (n, SIZE, SIZE, 3) thumbnails, bool (n,), two of them usual at least.

    `stretch`: int64 (n,), the stretch of time of each; neighbours in time are almost copies, and
    are left out together.
    """
    pixels = _pixels(thumbnails)
    mean = pixels[~unusual].mean(axis=0)
    # What flickers in usual frames counts little; one level of grey is noise anywhere.
    scale = np.sqrt(pixels[~unusual].var(axis=0) + 1)
    examples = (pixels - mean) / scale
    distances = _squared_distances(examples, examples)
    usual = distances[np.ix_(~unusual, ~unusual)]
    np.fill_diagonal(usual, np.inf)
    squared_length = REACH * max(float(np.median(usual.min(axis=1))), 1e-6)
    similarity = _similarity(distances, squared_length).astype(np.float64)
    similarity[np.diag_indices_from(similarity)] += NOISE
    precision: Floats = torch.linalg.inv(torch.from_numpy(similarity)).numpy()
    target = np.where(unusual, 0.0, 1.0)  # below the prior mean
    weights = _product(precision, target)
    held_out = np.empty(len(examples))
    for number in np.unique(stretch):
        rows = np.flatnonzero(stretch == number)
        within = torch.from_numpy(precision[np.ix_(rows, rows)])
        shift = torch.linalg.solve(within, torch.from_numpy(weights[rows])).numpy()
        held_out[rows] = 1 - target[rows] + shift
    return KernelModel(mean, scale, examples, squared_length, weights, held_out)


def _pixels(thumbnails: NDArray[np.uint8]) -> NDArray[np.float32]:
    """float32 (n, D), less the median of each colour: light that changes everywhere is nothing."""
    n = len(thumbnails)
    pixels = thumbnails.reshape(n, -1, 3).astype(np.float32)
    pixels -= np.median(pixels, axis=1, keepdims=True)
    return pixels.reshape(n, -1)


def _product(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """The product of matrices: NumPy would start threads of its own, which wait for one another."""
    product: NDArray[Any] = (torch.from_numpy(a) @ torch.from_numpy(b)).numpy()
    return product


def _squared_distances(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 (n, m), of each of n points from each of m."""
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)
    distances: NDArray[np.float32] = np.maximum(squares - 2 * _product(a, b.T), 0)
    return distances


def _similarity(distances: NDArray[np.float32], squared_length: float) -> NDArray[np.float32]:
    similarity: NDArray[np.float32] = np.exp(-distances / np.float32(2 * squared_length))
    return similarity
