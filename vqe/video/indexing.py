"""Building the packet index of a file: from its own tables, or by reading every packet."""

from __future__ import annotations

from array import array
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import PictureType
from numpy.typing import NDArray

from vqe.errors import VideoError
from vqe.video.container import open_video
from vqe.video.decode_plan import Run
from vqe.video.decoder import Decoder
from vqe.video.displayable import shows_in
from vqe.video.index import VideoIndex, index_of
from vqe.video.mp4 import read_tables
from vqe.video.packets import NO_TIME, Packets
from vqe.video.verify import agrees

RAW_FPS = Fraction(25)
"""The rate of a raw stream that does not tell its own, as FFmpeg has it."""


def build_index(path: str) -> VideoIndex:
    """The frames of the first video stream.

    From the sample tables of an mp4 where the demuxer confirms what they say, at some places;
    otherwise from the header of every packet. Frames that the container hides (edit lists) and
    packets without a picture are not displayable and get no ordinal. Nothing is decoded but three
    key frames, to see whether decoding can begin there.
    """
    with open_video(path) as container:
        stream = container.streams.video[0]
        time_base = stream.time_base or Fraction(1, 1_000_000)
        packets = _from_tables(path, container)
        from_tables = packets is not None
        timed = True
        if packets is None:
            packets, timed = _timed(_demux(container), container, time_base)
        index = index_of(
            packets,
            path=path,
            width=stream.codec_context.width,
            height=stream.codec_context.height,
            time_base=time_base,
            timed=timed,
            seekable=timed,
            source="tables" if from_tables else "packets",
        )
    if not index.seekable:
        return index
    with open_video(path) as container:  # afresh: not every container can be rewound
        seekable = from_tables or agrees(packets, container, dts=False)
        return replace(index, seekable=seekable and _entries_are_clean(index, container))


def _from_tables(path: str, container: InputContainer) -> Packets | None:
    """What the tables list; None where there are none, or the demuxer says otherwise."""
    if "mp4" not in container.format.name:
        return None
    packets = read_tables(path, container.streams.video[0].id)
    return packets if packets is not None and agrees(packets, container) else None


def _demux(container: InputContainer) -> Packets:
    """The header of each displayable packet."""
    pts, dts, size, key = array("q"), array("q"), array("q"), array("b")
    shows = shows_in(container)
    try:
        for packet in container.demux(container.streams.video[0]):
            if not shows(packet) or packet.is_discard:
                continue
            pts.append(NO_TIME if packet.pts is None else packet.pts)
            dts.append(NO_TIME if packet.dts is None else packet.dts)
            size.append(packet.size)
            key.append(packet.is_keyframe)
    except (av.error.FFmpegError, IndexError):  # PyAV: a stream that began late
        pass  # a cut file: what could be read is the video, the rest never had an ordinal
    if not pts:
        raise VideoError(f"'{container.name}' has a video stream without frames")
    return Packets(np.array(pts), np.array(dts), np.array(size), np.array(key, np.bool_))


def _timed(
    packets: Packets, container: InputContainer, time_base: Fraction
) -> tuple[Packets, bool]:
    """The packets with all times filled in, and whether the file itself knew them."""
    pts = np.where(packets.pts == NO_TIME, packets.dts, packets.pts)
    timed = bool((pts != NO_TIME).all())
    if not timed:  # a raw stream: its frames come in the order of the file, at an even rate
        pts = _even_times(len(pts), container, time_base)
    dts = np.where(packets.dts == NO_TIME, pts, packets.dts)
    # AVI stores no presentation times; the demuxer guesses them, wrongly with B-frames.
    guessed = container.format.name == "avi" and not bool((pts == dts).all())
    return Packets(pts, dts, packets.size, packets.key), timed and not guessed


def _even_times(n: int, container: InputContainer, time_base: Fraction) -> NDArray[np.int64]:
    ticks = 1 / ((container.streams.video[0].average_rate or RAW_FPS) * time_base)
    times: NDArray[np.int64] = np.rint(np.arange(n) * float(ticks)).astype(np.int64)
    return times


def _entries_are_clean(index: VideoIndex, container: InputContainer) -> bool:
    """Whether packets marked as key frames can be decoded by themselves: not so where a picture is
    refreshed piece by piece."""
    if len(index.entries) == 1:
        return True
    decoder = Decoder(index, container)
    later = index.entries[1:]
    return all(_stands_alone(decoder, int(entry)) for entry in later[[0, len(later) // 2, -1]])


def _stands_alone(decoder: Decoder, entry: int) -> bool:
    rank = int(decoder.index.decode_rank[entry])
    images = [image for _, image in decoder.frames(Run(rank, rank, np.array([entry])), "nothing")]
    if not images:  # damaged, which says nothing about the others
        return bool(decoder.damaged)
    return images[0].pict_type in (PictureType.I, PictureType.NONE)
