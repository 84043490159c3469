"""Building the packet index of a file: from its own tables, or by reading every packet."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from vqe.errors import VideoError
from vqe.video.container import open_video, video_stream
from vqe.video.displayable import shows_in
from vqe.video.index import Source, VideoIndex, index_of
from vqe.video.mp4 import read_tables
from vqe.video.packets import NO_TIME, Packets
from vqe.video.probe import entries_are_clean, probe, shown_pts
from vqe.video.verify import agrees

RAW_FPS = Fraction(25)
"""The rate of a raw stream that does not tell its own, as FFmpeg has it."""

STORES_TIMES = ("mp4", "matroska")
"""Containers, by FFmpeg's names, that tell when each packet is shown. Others may guess."""


def build_index(path: str, check: Callable[[], None] = lambda: None) -> VideoIndex:
    """The frames of the first video stream.

    From the sample tables of an mp4 where the demuxer confirms what they say, at some places;
    otherwise from the header of every packet. Frames that the container hides (edit lists) and
    packets without a picture are not displayable and get no ordinal. A few packets are decoded, to
    see whether times can be trusted and where decoding can begin. `check` is called now and then,
    and may raise to end the work. Raises VideoError where the file cannot be read.
    """
    try:
        return _build_index(path, check)
    except av.error.FFmpegError as error:
        raise VideoError(f"'{path}' cannot be read ({error.strerror})") from error


def _build_index(path: str, check: Callable[[], None]) -> VideoIndex:
    with open_video(path) as container:
        packets = _from_tables(path, container)
        if packets is not None:
            index = _index(path, container, packets, timed=True, source="tables")
        else:
            packets = _demux(path, container, check)
            index = _of_fields(path, container, packets) or _of_packets(
                path, container, packets, check
            )
    if not index.timed:
        return replace(index, seekable=False)
    if not _follows(index):
        # Where most frames are marked as key frames, the marks are wrong, otherwise the times.
        return replace(index, timed=2 * len(index.entries) > len(index), seekable=False)
    with open_video(path) as container:  # afresh: not every container can be rewound
        # With fields in packets of their own, not every packet is in the index.
        agreed = index.source == "tables" or (
            not index.paired and agrees(_timed(packets, container)[0], container, dts=False)
        )
        return replace(index, seekable=agreed and entries_are_clean(index, container))


def _index(
    path: str, container: InputContainer, packets: Packets, *, timed: bool, source: Source
) -> VideoIndex:
    context = video_stream(container).codec_context
    return index_of(
        packets,
        path=path,
        width=context.width,
        height=context.height,
        time_base=_time_base(container),
        timed=timed,
        seekable=timed,
        source=source,
    )


def _time_base(container: InputContainer) -> Fraction:
    return video_stream(container).time_base or Fraction(1, 1_000_000)


def _from_tables(path: str, container: InputContainer) -> Packets | None:
    """What the tables list; None where there are none, or the demuxer says otherwise."""
    if "mp4" not in container.format.name:
        return None
    packets = read_tables(path, video_stream(container).id)
    return packets if packets is not None and agrees(packets, container) else None


def _demux(path: str, container: InputContainer, check: Callable[[], None]) -> Packets:
    """The header of each displayable packet."""
    pts, dts, size, key = array("q"), array("q"), array("q"), array("b")
    shows = shows_in(container)
    try:
        for packet in container.demux(video_stream(container)):
            check()
            if not shows(packet) or packet.is_discard:
                continue
            pts.append(NO_TIME if packet.pts is None else packet.pts)
            dts.append(NO_TIME if packet.dts is None else packet.dts)
            size.append(packet.size)
            key.append(packet.is_keyframe)
    except (av.error.FFmpegError, IndexError):  # PyAV: a stream that began late
        pass  # a cut file: what could be read is the video, the rest never had an ordinal
    if not pts:
        raise VideoError(f"'{path}' has a video stream without frames")
    return Packets(np.array(pts), np.array(dts), np.array(size), np.array(key, np.bool_))


def _timed(packets: Packets, container: InputContainer) -> tuple[Packets, bool]:
    """The packets with all times filled in, and whether the file itself knew them."""
    pts = np.where(packets.pts == NO_TIME, packets.dts, packets.pts)
    timed = bool((pts != NO_TIME).all())
    if not timed:  # a raw stream: its frames come in the order of the file, at an even rate
        pts = _even_times(len(pts), container)
    dts = np.where(packets.dts == NO_TIME, pts, packets.dts)
    # AVI stores no presentation times; the demuxer guesses them, wrongly with B-frames.
    guessed = container.format.name == "avi" and not bool((pts == dts).all())
    return Packets(pts, dts, packets.size, packets.key), timed and not guessed


def _even_times(n: int, container: InputContainer) -> NDArray[np.int64]:
    rate = video_stream(container).average_rate or RAW_FPS
    ticks = 1 / (rate * _time_base(container))
    times: NDArray[np.int64] = np.rint(np.arange(n) * float(ticks)).astype(np.int64)
    return times


def _of_packets(
    path: str, container: InputContainer, packets: Packets, check: Callable[[], None]
) -> VideoIndex:
    """The index of a stream of which each packet stands for a frame, as far as is known."""
    packets, timed = _timed(packets, container)
    index = _index(path, container, packets, timed=timed, source="packets")
    stores_times = any(name in container.format.name for name in STORES_TIMES)
    return index if stores_times or not index.timed else _probed(index, packets, check)


def _of_fields(path: str, container: InputContainer, packets: Packets) -> VideoIndex | None:
    """The index of a stream in which only the first field of a frame has a time; None where it is
    no such stream."""
    has_time = (packets.pts != NO_TIME) | (packets.dts != NO_TIME)
    if has_time.all() or 2 * has_time.sum() < len(packets):
        return None
    first_fields, timed = _timed(packets.those(has_time), container)
    index = _index(path, container, first_fields, timed=timed, source="packets")
    index = replace(index, paired=True)
    with open_video(path) as again:
        pictures = probe(index, again) if timed else None
    sound = pictures is not None and pictures.each and pictures.in_order
    return index if sound else None


def _probed(index: VideoIndex, packets: Packets, check: Callable[[], None]) -> VideoIndex:
    """The index corrected by what decoding the start of the file shows."""
    with open_video(index.path) as container:
        pictures = probe(index, container)
        if not pictures.in_order and not index.out_of_turn.any():
            return replace(index, timed=False)  # times that follow decoding were guessed
        if not pictures.fields:
            return index
        shown = np.isin(packets.pts, np.array(sorted(shown_pts(index.path, check)), np.int64))
        if not shown.any():
            return index
        first_fields = packets.those(shown)
        paired = _index(index.path, container, first_fields, timed=True, source="packets")
        return replace(paired, paired=True)


def _follows(index: VideoIndex) -> bool:
    """Whether all that is shown after an entry is decoded after it: not so where the clock of a
    recording jumps back."""
    entry = index.entry_rank[index.gop_of(np.arange(len(index)))]
    return bool((np.diff(index.entry_rank) >= 0).all() and (index.decode_rank >= entry).all())
