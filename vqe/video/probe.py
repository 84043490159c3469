"""What only decoding tells of a file: whether its packets and times are what they seem."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import PictureType

from vqe.video.container import open_video, video_stream
from vqe.video.decode_plan import Run
from vqe.video.decoder import Decoder, Queue
from vqe.video.frames import Image
from vqe.video.index import VideoIndex
from vqe.video.packets import Packet

PACKETS = 48
"""Decoded at each place that is probed."""


class Pictures(NamedTuple):
    """What packets were decoded to.

    `in_order`: whether pictures come in the order of their pts; `fields`: whether every other
    packet or so gives none, as where the fields of a frame are packets; `each`: whether each packet
    gives one, and none comes from elsewhere.
    """

    in_order: bool
    fields: bool
    each: bool


def probe(index: VideoIndex, container: InputContainer) -> Pictures:
    """Decodes a little at three places of a file. A damaged one tells nothing, and is left out."""
    entries = index.entry_rank if index.keyframe[0] else index.entry_rank[1:]
    places = np.unique(entries[[0, len(entries) // 2, -1]]).tolist() if len(entries) else [0]
    decoder = _Watcher(index, container)
    found = [pictures for place in places if (pictures := _pictures(decoder, place)) is not None]
    return Pictures(
        in_order=all(pictures.in_order for pictures in found),
        fields=any(pictures.fields for pictures in found),
        each=all(pictures.each for pictures in found),
    )


def _pictures(decoder: _Watcher, first: int) -> Pictures | None:
    """What the packets from a position on are decoded to; None where there is damage."""
    index = decoder.index
    decoder.came.clear()
    decoder.damaged.clear()
    fed = index.decode_order[first : first + PACKETS]
    try:
        list(decoder.frames(Run(first, first + len(fed) - 1, np.sort(fed)), "nothing"))
    except av.error.FFmpegError:  # no seek leads there
        return None
    if decoder.damaged:
        return None
    # Frames shown before the one that decoding began with may refer to what was not decoded.
    expected = fed[fed >= fed[0]]
    came = [pts for pts in decoder.came if pts is not None]
    gives = np.isin(index.pts[expected], came)
    strange = set(decoder.came).difference(index.pts[fed].tolist())
    alternate = not (~gives[1:] & ~gives[:-1]).any() and 4 * (~gives).sum() >= len(gives)
    is_h264 = decoder.context.name == "h264"
    return Pictures(
        in_order=all(a < b for a, b in pairwise(came)),
        fields=bool(is_h264 and gives[0] and alternate),
        each=bool(gives.all()) and not strange,
    )


class _Watcher(Decoder):
    """Notes the pts of all that comes out."""

    def __init__(self, index: VideoIndex, container: InputContainer) -> None:
        super().__init__(index, container)
        self.came: list[int | None] = []

    def _decode(self, packet: Packet | None, queue: Queue) -> Iterator[tuple[int, Image]]:
        try:
            images = self.context.decode(packet)
        except av.error.FFmpegError:
            images = []
            self.damaged.append(0)
        self.damaged += [0 for image in images if image.is_corrupt]
        self.came += [image.pts for image in images]
        yield from ()


def shown_pts(path: str, check: Callable[[], None]) -> set[int]:
    """The pts of all pictures, by decoding the file: fields of one frame come in two packets."""
    shown: set[int] = set()
    with open_video(path) as container:
        stream = video_stream(container)
        for packet in container.demux(stream):
            check()
            try:
                shown.update(image.pts for image in packet.decode() if image.pts is not None)
            except av.error.FFmpegError:
                continue
    return shown


def entries_are_clean(index: VideoIndex, container: InputContainer) -> bool:
    """Whether packets marked as key frames can be decoded by themselves: not so where a picture is
    refreshed piece by piece. Three are tried."""
    if len(index.entries) == 1:
        return True
    decoder = Decoder(index, container)
    later = index.entries[1:]
    return all(_stands_alone(decoder, int(entry)) for entry in later[[0, len(later) // 2, -1]])


def _stands_alone(decoder: Decoder, entry: int) -> bool:
    decoder.damaged.clear()
    rank = int(decoder.index.decode_rank[entry])
    images = [image for _, image in decoder.frames(Run(rank, rank, np.array([entry])), "nothing")]
    if not images:  # damaged, which says nothing about the others
        return bool(decoder.damaged)
    return images[0].pict_type in (PictureType.I, PictureType.NONE)
