"""The packets of a track of an MP4 or QuickTime file, from the sample tables beside its media.

A file of ten hours is demuxed in seconds; its tables are read in a fraction of one. The result is
what FFmpeg makes of the same tables, so its treatment of edit lists and of negative composition
offsets is repeated here. Boxes: ISO/IEC 14496-12 and the QuickTime File Format.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqe.video.mp4_boxes import Box, BoxReader, NotUnderstoodError, need
from vqe.video.mp4_samples import Samples, read_samples
from vqe.video.packets import Packets

FRAGMENTED = frozenset({b"mvex", b"moof"})
COMPRESSED = b"cmov"

_EDITS = (
    np.dtype([("duration", ">u4"), ("start", ">i4"), ("rate", ">i4")]),
    np.dtype([("duration", ">u8"), ("start", ">i8"), ("rate", ">i4")]),
)
_RATE_1 = 1 << 16
_LONG_EDIT = 1 << 48


@dataclass(frozen=True)
class Edit:
    """The part of a track that is shown, and how long after the start; in the track's ticks."""

    start: int
    duration: int
    delay: int


def read_tables(path: str, track_id: int) -> Packets | None:
    """The displayable packets of a track as the file's own sample tables list them.

    None where the file has no complete tables, or has something in them that is not understood.
    Packets that the file is too short for are listed too.
    """
    try:
        with open(path, "rb") as file:
            reader = BoxReader(file)
            moov = _movie(reader)
            track = _find_track(reader, moov, track_id)
            media = reader.named(need(track, b"mdia"))
            stbl = need(reader.named(need(media, b"minf")), b"stbl")
            samples = read_samples(reader, stbl)
            movie_scale = _time_scale(reader, need(reader.named(moov), b"mvhd"))
            scale = _time_scale(reader, need(media, b"mdhd"))
            return _show(samples, _read_edit(reader, track, scale, movie_scale))
    except (OSError, NotUnderstoodError):
        return None


def _movie(reader: BoxReader) -> Box:
    """The one box that describes the whole file."""
    outer = list(reader.children(reader.whole))
    moovs = [box for box in outer if box.kind == b"moov"]
    if len(moovs) != 1 or moovs[0].stop > reader.whole.stop:
        raise NotUnderstoodError("no description of the file, several, or half of one")
    kinds = {box.kind for box in [*outer, *reader.children(moovs[0])]}
    if FRAGMENTED & kinds or COMPRESSED in kinds:
        raise NotUnderstoodError("a file in fragments, or a compressed description")
    return moovs[0]


def _find_track(reader: BoxReader, moov: Box, track_id: int) -> dict[bytes, Box]:
    """The boxes of the track with that number."""
    found = []
    for box in reader.children(moov):
        if box.kind == b"trak":
            track = reader.named(box)
            header = need(track, b"tkhd")
            if reader.number(header, 20 if _version(reader, header) else 12) == track_id:
                found.append(track)
    if len(found) != 1:
        raise NotUnderstoodError("no such track, or several")
    return found[0]


def _version(reader: BoxReader, box: Box) -> int:
    """0 or 1: whether the times in a box have four bytes or eight."""
    version = reader.number(box, 0, 1)
    if version > 1:
        raise NotUnderstoodError("a version that came later")
    return version


def _time_scale(reader: BoxReader, box: Box) -> int:
    """Ticks in a second, from a 'mvhd' or 'mdhd' box."""
    scale = reader.number(box, 20 if _version(reader, box) else 12)
    if not 0 < scale < 1 << 31:
        raise NotUnderstoodError("no time scale")
    return scale


def _read_edit(
    reader: BoxReader, track: dict[bytes, Box], scale: int, movie_scale: int
) -> Edit | None:
    """What the track's edit list says, None where it has none."""
    lists = reader.named(track[b"edts"]) if b"edts" in track else {}
    if b"elst" not in lists:
        return None
    box = lists[b"elst"]
    row = _EDITS[_version(reader, box)]
    edits = reader.table(box, row)
    if box.stop - box.start != 8 + len(edits) * row.itemsize:
        raise NotUnderstoodError("an edit list that does not fill its box")
    if not len(edits):
        return None
    # A duration is in ticks of the movie, a start in ticks of the track.
    duration = [(int(d) * scale + movie_scale // 2) // movie_scale for d in edits["duration"]]
    start, rate = int(edits["start"][-1]), int(edits["rate"][-1])
    if (edits["start"][:-1] != -1).any() or start < 0 or rate != _RATE_1:
        raise NotUnderstoodError("more than one part of the track, or not at its own speed")
    if not duration[-1] or max(start, *duration) > _LONG_EDIT:
        raise NotUnderstoodError("a part without length, or without end")
    return Edit(start, duration[-1], sum(duration[:-1]))


def _show(samples: Samples, edit: Edit | None) -> Packets:
    """The packets that are displayed, with the times they have after the edit."""
    offset = np.zeros_like(samples.dts) if samples.offset is None else samples.offset
    if edit is None:
        dts, shown = samples.dts - samples.dts_shift, np.ones(len(samples.dts), np.bool_)
    else:
        dts, shown = _apply(samples, offset, edit)
    pts = dts + samples.dts_shift + offset
    shown &= samples.size > 0
    return Packets(pts[shown], dts[shown], samples.size[shown], samples.key[shown])


def _apply(
    samples: Samples, offset: NDArray[np.int64], edit: Edit
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The dts of each sample after an edit, as FFmpeg computes them, and which are shown."""
    shown_at, stop = samples.dts + offset, edit.start + edit.duration
    kept = np.zeros(len(offset), np.bool_)
    kept[_first_and_end(samples, shown_at, edit)] = True
    shown = kept & (shown_at >= edit.start) & (shown_at < stop)
    if not shown.any():
        raise NotUnderstoodError("a track of which nothing is shown")
    dts = samples.dts - samples.dts[int(shown.argmax())] + edit.delay - samples.dts_shift
    earliest = _earliest((dts + samples.dts_shift + offset)[shown]) - edit.delay
    return dts - max(0, earliest), shown


def _first_and_end(samples: Samples, shown_at: NDArray[np.int64], edit: Edit) -> slice:
    """The samples that FFmpeg keeps, hidden ones among them that others need for decoding."""
    before = int(np.searchsorted(samples.dts, edit.start, side="right"))
    keys = np.flatnonzero(samples.key[:before])
    first = max(0, before - 1) if samples.offset is None else 0
    # With B-frames, a key frame that is decoded before the edit may be shown after its start.
    keys = keys[shown_at[keys] <= edit.start]
    if len(keys):
        first = int(keys[-1])
    # The last sample lasts as long as the edit, for want of a next one.
    lasts = np.diff(samples.dts, append=samples.dts[-1] + edit.duration)
    over = samples.key & (shown_at + lasts >= edit.start + edit.duration)
    ends = first + np.flatnonzero(over[first:])
    # With B-frames, those after the first key frame beyond the end may belong before it.
    n_ends = 1 if samples.offset is None else 2
    return slice(first, int(ends[n_ends - 1]) + 1 if len(ends) >= n_ends else len(shown_at))


def _earliest(pts: NDArray[np.int64]) -> int:
    """The least of the times, but of those after the last negative one, where one is negative."""
    negative = np.flatnonzero(pts < 0)
    if not len(negative):
        return int(pts.min())
    after = pts[negative[-1] + 1 :]
    return int(after.min()) if len(after) else -1
