"""Decoded frames that keep their planes until a stage asks for pixels."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

# Formats whose first plane is the luma, eight bits a pixel.
_PLANAR_LUMA = frozenset(
    ["gray", "nv12", *(f"yuv{j}{s}p" for j in ("", "j") for s in ("420", "422", "444", "440"))]
)
# Likewise with nine to sixteen bits in two bytes, the lowest first.
_DEEP_LUMA = re.compile(r"(?:yuv4[024][024]p|gray)(9|10|12|14|16)le")

Image = av.VideoFrame

_local = threading.local()


def _reformatter() -> VideoReformatter:
    """One a thread: it keeps its scaling context, but two threads cannot share it."""
    if not hasattr(_local, "reformatter"):
        _local.reformatter = VideoReformatter()
    reformatter: VideoReformatter = _local.reformatter
    return reformatter


def scaled(image: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
    """The image in the given size; itself where it has it."""
    if (image.width, image.height) == (width, height):
        return image
    return _reformatter().reformat(
        image, width=width, height=height, interpolation=Interpolation.AREA
    )


@dataclass(frozen=True)
class FrameBatch:
    """N decoded frames of one size and one segment in presentation order.

    `ordinals`: int64 (N,). Frames of a later `segment` owe nothing to those of an earlier one:
    a stage that keeps state starts afresh there.
    """

    ordinals: NDArray[np.int64]
    images: tuple[av.VideoFrame, ...]
    segment: int

    def __len__(self) -> int:
        return len(self.images)

    @property
    def nbytes(self) -> int:
        """Memory of the pictures, about."""
        return sum(plane.buffer_size for plane in self.images[0].planes) * len(self) if self else 0

    @staticmethod
    def join(batches: Sequence[FrameBatch]) -> FrameBatch:
        """The frames of several batches, which belong to the segment of the first from now on."""
        return FrameBatch(
            np.concatenate([batch.ordinals for batch in batches]),
            tuple(image for batch in batches for image in batch.images),
            batches[0].segment,
        )

    def select(self, rows: Iterable[int]) -> FrameBatch:
        """The frames at the given positions."""
        rows = list(rows)
        return FrameBatch(
            self.ordinals[rows], tuple(self.images[row] for row in rows), self.segment
        )

    def luma(self, row: int) -> NDArray[np.uint8]:
        """Luma plane, uint8 (H, W), read-only; a view into the decoder's memory where it can be."""
        image = self.images[row]
        deep = _DEEP_LUMA.fullmatch(image.format.name)
        if deep is None and image.format.name not in _PLANAR_LUMA:
            image = _reformatter().reformat(image, format="gray")
        plane = image.planes[0]
        # Rows are padded to line_size. Writing here would corrupt frames decoded later from it.
        padded = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        if deep is not None:
            sixteen = padded.view("<u2")[: image.height, : image.width]
            view = (sixteen >> (int(deep[1]) - 8)).astype(np.uint8)
        else:
            view = padded[: image.height, : image.width]
        view.flags.writeable = False
        return view

    def rgb(self, row: int) -> NDArray[np.uint8]:
        """The frame in colour and upright, uint8 (H, W, 3): turned as its display matrix says."""
        image = self.images[row]
        # A frame that converts itself makes a scaling context of its own.
        converted = _reformatter().reformat(image, format="rgb24")
        stored = cast("NDArray[np.uint8]", converted.to_ndarray())
        quarters = round(image.rotation / 90) % 4
        return np.ascontiguousarray(np.rot90(stored, quarters)) if quarters else stored

    def thumbnails(self, size: int) -> NDArray[np.uint8]:
        """All frames area-averaged to size × size, uint8 (N, size, size, 3) RGB."""
        out = np.empty((len(self), size, size, 3), np.uint8)
        for row, image in enumerate(self.images):
            small = _reformatter().reformat(
                image, width=size, height=size, format="rgb24", interpolation=Interpolation.AREA
            )
            out[row] = small.to_ndarray()
        return out


def full_batches(batches: Iterable[FrameBatch], size: int) -> Iterator[FrameBatch]:
    """The same frames, `size` at a time: a reader's batches end with the segments that they were
    read in, and a network takes as long for a few frames as for all that it can see at once."""
    waiting: list[FrameBatch] = []
    for batch in batches:
        waiting.append(batch)
        while sum(map(len, waiting)) >= size:
            joined = FrameBatch.join(waiting)
            yield joined.select(np.arange(size))
            rest = np.arange(size, len(joined))
            waiting = [joined.select(rest)] if len(rest) else []
    if waiting:
        yield FrameBatch.join(waiting)
