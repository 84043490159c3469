"""NoScope's difference detectors, and the small frames that its models look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product

import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from vqe.detectors.kernels import block_squared_differences
from vqe.statistics.logistic import LogisticRegression, fit_logistic
from vqe.video.decode_plan import DecodePlan
from vqe.video.frames import FrameBatch
from vqe.video.reader import Reader

SIZES = (50, 100)
"""Sides of the square frames in pixels."""

BLOCKS = (5, 10)
"""Blocks a side. A detector adds up the squared differences of each block and channel."""

FINEST = max(BLOCKS)
DELAYS = (10, 30)
"""Frames between the two that an earlier-frame detector is trained with. When it is used it always
looks one kept frame back, 30 frames."""

EMPTY_FRAMES = 60
"""The reference image is the last frame of the first so many empty ones in a row."""

FITTED_FRAMES = 20_000
"""A regression is fitted to so many frames at most, drawn at random: more change it little."""

CHUNK = 64
"""Frames that are compared in one call."""

Frames = NDArray[np.uint8]  # (N, 3, S, S), RGB


@dataclass(frozen=True)
class Small:
    """The frames of a batch in each size asked for, (N, 3, S, S)."""

    ordinals: NDArray[np.int64]
    frames: dict[int, Frames]

    @property
    def nbytes(self) -> int:
        """For the reader, which limits what waits."""
        return sum(frames.nbytes for frames in self.frames.values())


def read_small(reader: Reader, plan: DecodePlan, sizes: Sequence[int]) -> dict[int, Frames]:
    """All frames of the plan in each of the sizes, resized where they were decoded.

    Raises ValueError where a frame cannot be decoded.
    """
    n = len(plan.ordinals)
    small = {size: np.empty((n, 3, size, size), np.uint8) for size in sizes}
    done = 0
    for part in reader.process(plan, lambda: shrinker(sizes)) if n else ():
        for size in sizes:
            small[size][done : done + len(part.ordinals)] = part.frames[size]
        done += len(part.ordinals)
    if done < n:
        raise ValueError(f"'{plan.index.path}' has frames that cannot be decoded")
    return small


def shrinker(sizes: Sequence[int]) -> Callable[[FrameBatch], Small]:
    """Resizes batches by taking the nearest pixels; for one thread."""
    reformatters = {size: VideoReformatter() for size in sizes}  # each keeps a scaling context

    def shrink(batch: FrameBatch) -> Small:
        small = {size: np.empty((len(batch), 3, size, size), np.uint8) for size in sizes}
        for (size, frames), (row, image) in product(small.items(), enumerate(batch.images)):
            resized = reformatters[size].reformat(
                image, width=size, height=size, format="rgb24", interpolation=Interpolation.POINT
            )
            frames[row] = resized.to_ndarray().transpose(2, 0, 1)
        return Small(batch.ordinals, small)

    return shrink


@dataclass(frozen=True)
class Detector:
    """Maps frames to distances; a small one means that the object is absent, in both forms. (So an
    object that stands still is lost by a detector that looks at an earlier frame, as released.)

    `blocks`: a side, None for one error of the whole frame; `reference`: uint8 (3, S, S), None for
    the earlier-frame form; `delay`: of that form's training; `weights`: of the blocks.
    """

    size: int
    blocks: int | None
    reference: Frames | None
    delay: int | None = None
    weights: LogisticRegression | None = None

    @property
    def name(self) -> str:
        """What it computes, and from what."""
        errors = "mse" if self.blocks is None else f"blocked mse {self.blocks}×{self.blocks}"
        form = "earlier frame" if self.reference is None else "reference image"
        trained = "" if self.delay is None else f", trained {self.delay} frames apart"
        return f"{errors} of {self.size}×{self.size}, {form}{trained}"

    def distances(self, kept: Frames, threads: int = 1) -> NDArray[np.float64]:
        """Of kept frames, one in 30, float64 (K,); infinite where none comes before."""
        if self.reference is not None:
            return self._distances(block_errors(kept, self.reference, threads))
        earlier = self._distances(block_errors(kept[1:], kept[:-1], threads))
        return np.concatenate([np.full(min(len(kept), 1), np.inf), earlier])

    def _distances(self, errors: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.weights is None or self.blocks is None:
            mean: NDArray[np.float64] = errors.mean(axis=(1, 2, 3))
            return mean
        return self.weights.log_odds(features(errors, self.blocks))


def block_errors(frames: Frames, others: Frames, threads: int = 1) -> NDArray[np.float64]:
    """Mean squared difference of each channel and block, float64 (N, 3, 10, 10).

    `others`: one for each frame, or one for all, uint8 (3, S, S).
    """
    size = frames.shape[-1]
    out = np.empty((len(frames), 3, FINEST, FINEST))
    one_for_all = others.ndim == 3
    if one_for_all:
        others = np.tile(others, (min(CHUNK, len(frames)), 1, 1, 1))

    def compare(start: int) -> None:
        chunk = frames[start : start + CHUNK]
        beside = others[: len(chunk)] if one_for_all else others[start : start + CHUNK]
        # Channels below one another are one tall image, and a row of blocks never lies in two.
        sums = block_squared_differences(
            chunk.reshape(-1, size), beside.reshape(-1, size), len(chunk) * 3 * FINEST, FINEST
        )
        pixels = (size // FINEST) ** 2
        out[start : start + CHUNK] = sums.reshape(-1, 3, FINEST, FINEST) / pixels

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(compare, range(0, len(frames), CHUNK)))
    return out


def features(errors: NDArray[np.float64], blocks: int) -> NDArray[np.float64]:
    """Errors (N, 3, 10, 10) as a regression takes them, float64 (N, 3 · blocks²)."""
    merged = FINEST // blocks
    shape = (len(errors), 3, blocks, merged, blocks, merged)
    means: NDArray[np.float64] = errors.reshape(shape).mean(axis=(3, 5))
    return means.reshape(len(errors), -1)


def reference_frame(labels: NDArray[np.bool_]) -> int | None:
    """Number of the frame that serves as the reference image; None where there is none."""
    present = np.concatenate([[-1], np.flatnonzero(labels), [len(labels)]])
    gaps = np.flatnonzero(np.diff(present) > EMPTY_FRAMES)
    return int(present[gaps[0]]) + EMPTY_FRAMES if len(gaps) else None


def train_detectors(
    frames: dict[int, Frames], labels: NDArray[np.bool_], *, seed: int, threads: int = 1
) -> list[Detector]:
    """The whole grid on N labelled frames in all SIZES, bool (N,) labels.

    Where the released code takes the image of that number from the video it is tested on, the
    reference image comes from the labelled period, where it is known to be empty.
    """
    empty = reference_frame(labels)
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.permutation(len(labels))[:FITTED_FRAMES])
    detectors = []
    for size in SIZES:
        small = frames[size]
        detectors.append(Detector(size, None, None))
        if empty is not None:
            reference = small[empty].copy()
            detectors.append(Detector(size, None, reference))
            errors = block_errors(small[drawn], reference, threads)
            detectors += [
                Detector(size, blocks, reference, None, weights)
                for blocks, weights in _fitted(errors, labels[drawn])
            ]
        for delay in DELAYS:
            later = drawn[drawn >= delay]
            errors = block_errors(small[later], small[later - delay], threads)
            detectors += [
                Detector(size, blocks, None, delay, weights)
                for blocks, weights in _fitted(errors, labels[later])
            ]
    return detectors


def _fitted(
    errors: NDArray[np.float64], labels: NDArray[np.bool_]
) -> list[tuple[int, LogisticRegression]]:
    """A regression for each of BLOCKS; none where the labels are all the same."""
    if labels.all() or not labels.any():
        return []
    return [(blocks, fit_logistic(features(errors, blocks), labels)) for blocks in BLOCKS]


def compile_kernels() -> None:
    """Compiles what `block_errors` runs, so that no call of it takes longer than others."""
    frames = np.zeros((1, 3, FINEST, FINEST), np.uint8)
    block_errors(frames, frames[0])
