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
    for start, stop in spans:
        cut = start
        while stop - cut > SEGMENT_FRAMES:
            later = index.entries[np.searchsorted(index.entries, cut + SEGMENT_FRAMES) :]
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
    decoded = position = 0
    for start, stop in spans:
        position = max(position, index.entry_before(start))
        decoded += stop - position
        position = stop
    return decoded


def spans_of(ordinals: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[Span]:
    """Ascending ordinals as maximal spans of consecutive ones."""
    if not len(ordinals):
        return []
    breaks = np.flatnonzero(np.diff(ordinals) > 1) + 1
    return [(int(run[0]), int(run[-1]) + 1) for run in np.split(ordinals, breaks)]
