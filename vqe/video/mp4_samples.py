"""The sample tables of an MP4 track: when each packet is decoded and shown, its size, its kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqe.video.mp4_boxes import Box, BoxReader, NotUnderstoodError, need

FORMATS = frozenset(
    b"avc1 avc3 hvc1 hev1 dvh1 dvhe dva1 dvav mp4v jpeg mjpa vp08 vp09 av01".split()
)
"""Sample descriptions whose packets FFmpeg hands out as they lie in the file. With H.264, VP9 and
AV1 it looks into a packet for whether it is a key frame; an honest table says the same."""

MOST_SAMPLES = 50_000_000
"""460 hours at 30 frames a second: beyond it, a table of equal sizes may be a forgery."""

_WORD = np.dtype(">u4")
_RUN = np.dtype([("count", ">u4"), ("value", ">i4")])
_CHUNKS = np.dtype([("first", ">u4"), ("samples", ">u4"), ("description", ">u4")])
_LONG_OFFSET = 1 << 28  # beyond it FFmpeg takes no composition offset for true
_LARGE = 0x3FFFFFFF  # nor a larger sample


@dataclass(frozen=True)
class Samples:
    """All N samples of a track, in decoding order, before its edit list is applied.

    `dts`, `size`: int64 (N,); `key`: bool (N,); `offset`: int64 (N,), from dts to pts, or None
    where the track has no table of it; `dts_shift`: how far FFmpeg moves dts back because offsets
    are negative.
    """

    dts: NDArray[np.int64]
    offset: NDArray[np.int64] | None
    dts_shift: int
    size: NDArray[np.int64]
    key: NDArray[np.bool_]


def read_samples(reader: BoxReader, stbl: Box) -> Samples:
    """The samples of a track, from its 'stbl' box."""
    tables = reader.named(stbl)
    description = reader.content(need(tables, b"stsd"), 16)
    if int.from_bytes(description[4:8], "big") != 1 or description[12:] not in FORMATS:
        raise NotUnderstoodError("several sample descriptions, or another codec")
    if b"stps" in tables or any(
        box.kind == b"sbgp" and reader.content(box, 8)[4:] == b"rap "
        for box in reader.children(stbl)
    ):
        raise NotUnderstoodError("key frames of another kind")
    size = _sizes(reader, tables)
    n = len(size)
    if not n or _n_samples_in_chunks(reader, tables) != n:
        raise NotUnderstoodError("tables that disagree on the number of samples")
    duration = _runs(reader.table(need(tables, b"stts"), _RUN), n)
    dts = np.cumsum(duration) - duration
    # Where two samples share a dts, FFmpeg's search by time may stop at either.
    if (duration < 0).any() or (np.diff(dts) <= 0).any():
        raise NotUnderstoodError("decoding times that do not ascend")
    offset, dts_shift = None, 0
    if b"ctts" in tables and len(runs := reader.table(tables[b"ctts"], _RUN)):
        offset = _runs(runs, n)
        if (np.abs(offset) > _LONG_OFFSET).any():
            raise NotUnderstoodError("composition offsets that FFmpeg takes for wrong")
        # The last two runs do not count in FFmpeg: some writers leave garbage there.
        dts_shift = max(0, -int(runs["value"][:-2].min(initial=0)))
    return Samples(dts, offset, dts_shift, size, _keys(reader, tables, n))


def _runs(runs: NDArray[Any], n: int) -> NDArray[np.int64]:
    """One value for each of the `n` samples, from (count, value) rows."""
    count = runs["count"].astype(np.int64)
    if not count.all() or int(count.sum()) != n:
        raise NotUnderstoodError("tables that disagree on the number of samples")
    return np.repeat(runs["value"].astype(np.int64), count)


def _sizes(reader: BoxReader, tables: dict[bytes, Box]) -> NDArray[np.int64]:
    """Bytes of each sample."""
    if (b"stsz" in tables) == (b"stz2" in tables):
        raise NotUnderstoodError("no table of sizes, or two")
    if b"stz2" in tables:
        width = reader.number(tables[b"stz2"], 7, 1)
        if width not in (8, 16):
            raise NotUnderstoodError("sizes of half a byte")
        return reader.table(tables[b"stz2"], np.dtype(f">u{width // 8}"), count_at=8).astype(
            np.int64
        )
    constant, n = reader.number(tables[b"stsz"], 4), reader.number(tables[b"stsz"], 8)
    if constant:
        if n > MOST_SAMPLES or n * constant > reader.whole.stop:
            raise NotUnderstoodError("more samples than fit")
        return np.full(n, constant, np.int64)
    size = reader.table(tables[b"stsz"], _WORD, count_at=8).astype(np.int64)
    if (size > _LARGE).any():
        raise NotUnderstoodError("a sample that FFmpeg takes for too large")
    return size


def _n_samples_in_chunks(reader: BoxReader, tables: dict[bytes, Box]) -> int:
    """How many samples the table of chunks gives a place in the file."""
    if (b"stco" in tables) == (b"co64" in tables):
        raise NotUnderstoodError("no table of chunks, or two")
    places, width = (tables[b"stco"], 4) if b"stco" in tables else (tables[b"co64"], 8)
    n_chunks = reader.number(places, 4)
    rows = reader.table(need(tables, b"stsc"), _CHUNKS)
    first = rows["first"].astype(np.int64)
    n_in_row = np.diff(first, append=n_chunks + 1)
    if places.start + 8 + n_chunks * width > places.stop or not len(rows):
        raise NotUnderstoodError("a table that is larger than its box")
    if first[0] != 1 or (n_in_row <= 0).any() or (rows["description"] != 1).any():
        raise NotUnderstoodError("chunks out of order")
    # In Python's numbers, because a forged table may overflow others.
    return sum(map(int.__mul__, n_in_row.tolist(), rows["samples"].tolist()))


def _keys(reader: BoxReader, tables: dict[bytes, Box], n: int) -> NDArray[np.bool_]:
    """Which samples decoding can begin at."""
    if b"stss" not in tables:
        return np.ones(n, np.bool_)
    number = reader.table(tables[b"stss"], _WORD).astype(np.int64)
    # An empty table makes FFmpeg look into the packets.
    if not len(number) or number[0] < 1 or number[-1] > n or (np.diff(number) <= 0).any():
        raise NotUnderstoodError("key frames out of order")
    key = np.zeros(n, np.bool_)
    key[number - 1] = True
    return key
