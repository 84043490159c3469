"""Reading frames, one way for all tests: the only module of theirs that knows the reader."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from clips import read_number
from numpy.typing import NDArray

from vqe.video.index import VideoIndex
from vqe.video.indexing import build_index
from vqe.video.reader import Reader
from vqe.video.strategies import FrameSet


class Seen(NamedTuple):
    """What a frame shows: the number drawn into it, and a checksum of all its planes."""

    number: int
    crc: int


def index_of(path: Path | str) -> VideoIndex:
    """The index of the file as the engine builds it."""
    return build_index(str(path))


def read_frames(
    source: VideoIndex | Path | str, ordinals: Iterable[int] | None = None
) -> dict[int, Seen]:
    """The frames (None: all) that one new reader gives for these ordinals; lost ones are absent."""
    index = source if isinstance(source, VideoIndex) else index_of(source)
    wanted = sorted(range(len(index)) if ordinals is None else ordinals)
    out: dict[int, Seen] = {}
    reader = Reader(batch_frames=8)
    for batch in reader.read(FrameSet().plan(index, np.array(wanted, np.int64))):
        for ordinal, image in zip(batch.ordinals.tolist(), batch.images, strict=True):
            assert ordinal not in out
            out[ordinal] = seen(image)
    assert sorted([*out, *reader.report.damage.lost]) == wanted
    return out


def seen(image: av.VideoFrame) -> Seen:
    """What the frame shows."""
    crc = zlib.crc32(f"{image.format.name} {image.width} {image.height}".encode())
    for i in range(len(image.planes)):
        crc = zlib.crc32(_samples(image, i).tobytes(), crc)
    luma = _samples(image, 0).astype(np.uint16)
    return Seen(read_number(luma >> (image.format.components[0].bits - 8)), crc)


def _samples(image: av.VideoFrame, i: int) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The visible samples of plane `i` of a planar frame."""
    plane = image.planes[i]
    dtype = np.uint8 if image.format.components[i].bits == 8 else np.uint16
    rows = np.frombuffer(plane, dtype).reshape(-1, plane.line_size // np.dtype(dtype).itemsize)
    assert len(rows) >= plane.height
    return rows[: plane.height, : plane.width]
