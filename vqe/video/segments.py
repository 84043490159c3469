"""Cutting spans of frames where decoding can start afresh."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from vqe.video.index import VideoIndex

Span = tuple[int, int]
"""Ordinals [start, stop)."""

SEGMENT_FRAMES = 512
"""A segment is cut at the first key frame after this many frames."""


def cut_at_keyframes(index: VideoIndex, spans: Iterable[Span]) -> Iterator[Span]:
    """The spans, the long ones cut at key frames.

    The rule looks at the index alone, never at threads or batch sizes, so that state which a
    stage keeps over a segment does not make results depend on either.
    """
    keys = np.flatnonzero(index.keyframe) if index.seekable else np.empty(0, np.int64)
    for start, stop in spans:
        cut = start
        while stop - cut > SEGMENT_FRAMES:
            later = keys[np.searchsorted(keys, cut + SEGMENT_FRAMES) :]
            if not len(later) or later[0] >= stop:
                break
            yield cut, int(later[0])
            cut = int(later[0])
        if stop > cut:
            yield cut, stop


def frames_to_decode(index: VideoIndex, spans: Iterable[Span]) -> int:
    """Frames that leave the decoder when `spans` are read: the wanted ones and those on the way.

    Reading goes on from where it is, or jumps to the last key frame before a span where that is
    nearer.
    """
    keys = np.flatnonzero(index.keyframe) if index.seekable else np.zeros(1, np.int64)
    decoded = position = 0
    for start, stop in spans:
        before = keys[: np.searchsorted(keys, start, side="right")]
        position = max(position, int(before[-1]) if len(before) else 0)
        decoded += stop - position
        position = stop
    return decoded


def spans_of(ordinals: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[Span]:
    """Ascending ordinals as maximal spans of consecutive ones."""
    if not len(ordinals):
        return []
    breaks = np.flatnonzero(np.diff(ordinals) > 1) + 1
    return [(int(run[0]), int(run[-1]) + 1) for run in np.split(ordinals, breaks)]
