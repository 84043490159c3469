"""Packet gating: small packets mean that little has changed, under some encoders.

Where the rate is constant, a packet's size says nothing, and on some streams it says the opposite.
So a gate exists only where it was seen to work on frames of the same video.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.video.index import VideoIndex

NEIGHBOURS = 15
"""Packets of its own kind on either side of a packet that tell what is usual there."""

LEAST_AUC = 0.85
"""How well sizes must rank changes before a gate may rely on them; 0.5 is chance."""


@dataclass(frozen=True)
class PacketGate:
    """Lets through frames whose packet is larger than `threshold` times what is usual there.

    `auc`: how well the ratio told changed frames from still ones on the `sample` frames that it
    was calibrated on.
    """

    threshold: float
    auc: float
    sample: int

    def passes(self, index: VideoIndex, ordinals: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of the frames to decode, bool (N,); key frames always."""
        passed: NDArray[np.bool_] = relative_sizes(index)[ordinals] > self.threshold
        return passed | index.keyframe[ordinals]


def relative_sizes(index: VideoIndex) -> NDArray[np.float64]:
    """Each packet's size over the usual size of its kind, float64 (N,).

    Kinds differ by an order of magnitude: B-frames are compared with B-frames. Usual is the median
    of the NEIGHBOURS of the kind before and behind. Key frames have a ratio of 1.
    """
    ratio = np.ones(len(index))
    for kind in (index.out_of_turn, ~index.out_of_turn):
        of_kind = np.flatnonzero(kind & ~index.keyframe)
        if not len(of_kind):
            continue
        sizes = index.size[of_kind].astype(np.float64)
        width = min(2 * NEIGHBOURS + 1, len(sizes))
        windows = np.lib.stride_tricks.sliding_window_view(sizes, width)
        at = np.clip(np.arange(len(sizes)) - width // 2, 0, len(windows) - 1)
        ratio[of_kind] = sizes / np.maximum(np.median(windows, axis=1)[at], 1.0)
    return ratio


def calibrate(
    index: VideoIndex,
    ordinals: NDArray[np.int64],
    changed: NDArray[np.bool_],
    most_missed: float = 0.01,
) -> PacketGate | None:
    """A gate that lets all but a share `most_missed` of the changed frames pass, or None.

    `changed`: bool (N,), whether the picture of each of the frames `ordinals` differs from the one
    before it. None where the sizes do not tell, or there is nothing to learn from.
    """
    known = ~index.keyframe[ordinals]
    ratio, changed = relative_sizes(index)[ordinals][known], changed[known]
    if not changed.any() or changed.all():
        return None
    auc = _auc(ratio, changed)
    if auc < LEAST_AUC:
        return None
    threshold = float(np.quantile(ratio[changed], most_missed, method="lower"))
    # Just below, so that the frame which gave the threshold passes.
    return PacketGate(np.nextafter(threshold, 0.0), auc, int(known.sum()))


def _auc(score: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """The chance that a positive scores above a negative, ties counting half (Mann–Whitney U)."""
    negatives = np.sort(score[~positive])
    below = np.searchsorted(negatives, score[positive], side="left")
    upto = np.searchsorted(negatives, score[positive], side="right")
    return float((below + upto).mean() / 2 / len(negatives))
