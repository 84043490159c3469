"""Small clips, damaged at random, and what plain PyAV sees in them, without the engine."""

from __future__ import annotations

import itertools
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import av
from clips import make_clip
from reading import Seen, seen

CLIPS: dict[str, dict[str, object]] = {
    "front.mp4": {"b_frames": 2, "mux_options": {"movflags": "faststart"}},
    "behind.mp4": {},
    "mpeg4.mp4": {"codec": "mpeg4", "b_frames": 2, "mux_options": {"movflags": "faststart"}},
    "fragments.mp4": {"b_frames": 2, "mux_options": {"movflags": "frag_keyframe+empty_moov"}},
    "open.mkv": {"b_frames": 3, "options": {"x264-params": "open-gop=1"}},
    "plain.mkv": {"mux_options": {"cluster_time_limit": "1500"}},
    "vp9.webm": {
        "codec": "libvpx-vp9",
        "options": {"deadline": "realtime", "cpu-used": "6", "row-mt": "0"},
    },
    "b.ts": {"b_frames": 2},
    "mpeg2.ts": {"codec": "mpeg2video", "b_frames": 2, "fps": 25},
    "p.avi": {"codec": "mpeg4"},
    "b.avi": {"codec": "mpeg4", "b_frames": 2},
    "hevc.mp4": {
        "codec": "libx265",
        "b_frames": 2,
        "mux_options": {"movflags": "faststart"},
    },
    "hevc.ts": {"codec": "libx265", "b_frames": 2, "options": {"x265-params": "open-gop=1"}},
    "av1.mkv": {
        "codec": "libsvtav1",
        "options": {"crf": "30", "preset": "12", "svtav1-params": "lp=1"},
    },
}


@dataclass(frozen=True)
class Listed:
    """A packet as plain demuxing gives it."""

    pts: int | None
    crc: int
    key: bool
    shown: bool
    content: bytes


@dataclass(frozen=True)
class Listing:
    """A video stream as plain demuxing gives it; nothing here uses the engine."""

    avi: bool
    stream: tuple[object, ...]  # what a decoder is set up with
    entries: int  # in the demuxer's own index
    packets: tuple[Listed, ...]

    @cached_property
    def shown_pts(self) -> list[int]:
        return sorted(p.pts for p in self.packets if p.shown and p.pts is not None)


def listing(path: Path) -> Listing | None:
    """None where the file cannot be opened or has no video that FFmpeg knows."""
    packets: list[Listed] = []
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            video = container.streams.video
            if not video or video[0].codec_context is None:
                return None
            context = video[0].codec_context
            avi = container.format.name == "avi"
            what = (
                *(context.name, zlib.crc32(context.extradata or b""), video[0].time_base),
                *(context.width, context.height),
            )
            try:
                for packet in container.demux(video[0]):
                    if packet.size:
                        packets.append(_listed(packet, avi))
            except (av.error.FFmpegError, IndexError):  # PyAV: a stream that appears later
                pass
            return Listing(avi, what, len(video[0].index_entries), tuple(packets))
    except av.error.FFmpegError:
        return None


def _listed(packet: av.Packet, avi: bool) -> Listed:
    pts = packet.dts if packet.pts is None else packet.pts
    content = bytes(packet)
    shown = not packet.is_discard and packet.size > avi
    return Listed(pts, zlib.crc32(content), packet.is_keyframe, shown, content)


def seen_or_none(image: av.VideoFrame) -> Seen | None:
    """None where the picture has a format that no clip has."""
    try:
        return seen(image)
    except (AssertionError, ValueError, IndexError):
        return None


def decoded(path: Path) -> list[tuple[int | None, Seen | None]]:
    """What a plain loop sees up to the first failure: pts and picture."""
    frames: list[tuple[int | None, Seen | None]] = []
    with av.open(str(path), metadata_errors="ignore") as container:
        container.streams.video[0].thread_type = "NONE"
        try:
            for frame in container.decode(video=0):
                frames.append((frame.pts, seen_or_none(frame)))
        except (av.error.FFmpegError, IndexError):
            pass
    return frames


@dataclass(frozen=True)
class Source:
    """A clean clip, and what is known of it."""

    path: Path
    content: bytes
    places: tuple[tuple[int, int], ...]  # position and size of each packet
    listing: Listing
    frames: tuple[Seen, ...]  # of each packet

    @cached_property
    def number_of(self) -> dict[tuple[int | None, int], int]:
        """The packet with that pts and content."""
        return {(p.pts, p.crc): i for i, p in enumerate(self.listing.packets)}

    @cached_property
    def needs(self) -> list[int]:
        """The packet from which on all have to be decoded for a frame, for each."""
        packets, out = self.listing.packets, []
        keys = [i for i, p in enumerate(packets) if p.key]
        for i, packet in enumerate(packets):
            before = [key for key in keys if key <= i]
            key = before[-1]
            if self.listing.avi:
                leading = all(is_b(p) for p in packets[key + 1 : i + 1]) and i > key
            else:
                leading = packet.pts < packets[key].pts
            out.append(before[-2] if leading and len(before) > 1 else key)
        return out

    def intact(self, damaged: Listing) -> list[int | None]:
        """For each packet of a damaged file: which of ours it is, where nothing that its picture
        depends on was damaged."""
        if damaged.stream != self.listing.stream:
            return [None] * len(damaged.packets)
        out: list[int | None] = []
        run_starts, previous = 0, None
        for packet in damaged.packets:
            number = self.number_of.get((packet.pts, packet.crc))
            if number is None or previous is None or number != previous + 1:
                run_starts = -1 if number is None else number
            whole = number is not None and run_starts <= self.needs[number]
            out.append(number if whole else None)
            previous = number
        return out


def is_b(packet: Listed) -> bool:
    """Whether an MPEG-4 packet begins with a B-frame."""
    at = packet.content.find(b"\0\0\1\xb6")
    return 0 <= at < len(packet.content) - 4 and packet.content[at + 4] >> 6 == 2


def counted_rank(packets: tuple[Listed, ...], i: int) -> int:
    """When the frame of a packet is shown, where only the order of decoding is known."""
    before = sum(p.shown for p in packets[:i])
    if is_b(packets[i]):
        return before - 1
    following = itertools.takewhile(is_b, packets[i + 1 :])
    return before + sum(1 for _ in following)


def make_source(path: Path) -> Source:
    clean = listing(path)
    assert clean is not None
    frames = decoded(path)
    assert len(frames) == len(clean.packets), (path, len(frames), len(clean.packets))
    if clean.avi:
        of_packet = [frames[counted_rank(clean.packets, i)][1] for i in range(len(frames))]
    else:
        by_pts = dict(frames)
        of_packet = [by_pts[p.pts] for p in clean.packets]
    with av.open(str(path), metadata_errors="ignore") as container:
        places = [(p.pos or 0, p.size) for p in container.demux(video=0) if p.size]
    return Source(path, path.read_bytes(), tuple(places), clean, tuple(of_packet))


def make_sources(folder: Path) -> None:
    for name, options in CLIPS.items():
        if not (folder / name).exists():
            make_clip(folder / name, **{"frames": 40, "size": (80, 48), "gop": 10, **options})


class Sources:
    """The clean clips in a folder, read when they are needed."""

    def __init__(self, folder: Path) -> None:
        self.get = cache(lambda name: make_source(folder / name))


# How a file is damaged: each takes its content and returns another.

Damager = Callable[[bytearray, random.Random, Source, Sources], bytes | bytearray]


def flip(content: bytearray, rng: random.Random, start: int, stop: int) -> bytearray:
    """Turns 1 to 100 bits in [start, stop), mostly few."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 5, 10, 30, 100))):
        content[rng.randrange(start, max(start + 1, stop)) % len(content)] ^= 1 << rng.randrange(8)
    return content


def flip_anywhere(content: bytearray, rng: random.Random, *_: object) -> bytearray:
    return flip(content, rng, 0, len(content))


def flip_in_packet(content: bytearray, rng: random.Random, source: Source, *_: object):
    start, size = rng.choice(source.places)
    return flip(content, rng, start, min(start + size, len(content)))


def flip_in_headers(content: bytearray, rng: random.Random, source: Source, *_: object):
    """Anywhere but in packets: before them, between them, behind them."""
    inside = bytearray(len(content))
    for start, size in source.places:
        inside[start + 16 : start + size] = b"\1" * len(inside[start + 16 : start + size])
    outside = [i for i, is_inside in enumerate(inside) if not is_inside]
    for _ in range(rng.choice((1, 1, 2, 3, 5, 10))):
        content[rng.choice(outside or [0])] ^= 1 << rng.randrange(8)
    return content


def overwrite(content: bytearray, rng: random.Random, source: Source, *_: object):
    """A range of zeros, ones or noise."""
    start, stop = some_range(rng, len(content))
    fill = rng.choice((bytes(stop - start), b"\xff" * (stop - start), rng.randbytes(stop - start)))
    content[start:stop] = fill
    return content


def overwrite_packet(content: bytearray, rng: random.Random, source: Source, *_: object):
    """Behind some bytes that stay."""
    start, size = rng.choice(source.places)
    start, stop = start + rng.choice((0, 8, 30)), min(start + size, len(content))
    if start < stop:
        fill = rng.choice((bytes(stop - start), b"\xff" * (stop - start)))
        content[start:stop] = fill
    return content


def cut(content: bytearray, rng: random.Random, *_: object) -> bytearray:
    return content[: rng.randrange(len(content))]


def cut_start(content: bytearray, rng: random.Random, *_: object) -> bytearray:
    return content[rng.randrange(len(content) // 2) :]


def remove(content: bytearray, rng: random.Random, *_: object) -> bytearray:
    start, stop = some_range(rng, len(content))
    return content[:start] + content[stop:]


def remove_packets(content: bytearray, rng: random.Random, source: Source, *_: object):
    first = rng.randrange(len(source.places))
    last = min(first + rng.choice((0, 0, 1, 5)), len(source.places) - 1)
    return content[: source.places[first][0]] + content[sum(source.places[last]) :]


def insert(content: bytearray, rng: random.Random, *_: object) -> bytearray:
    at = rng.randrange(len(content))
    return content[:at] + rng.randbytes(rng.choice((1, 4, 188, 1000, 20_000))) + content[at:]


def copy(content: bytearray, rng: random.Random, *_: object) -> bytearray:
    """A part of the file over another, or between."""
    start, stop = some_range(rng, len(content))
    at = rng.randrange(len(content))
    over = rng.random() < 0.5
    return content[:at] + content[start:stop] + content[at + over * (stop - start) :]


def concatenate(content: bytearray, rng: random.Random, source: Source, sources: Sources):
    return content + sources.get(rng.choice((*CLIPS, *3 * [source.path.name]))).content


def cross(content: bytearray, rng: random.Random, source: Source, sources: Sources):
    """The beginning of one file and the end of another."""
    same = [name for name in CLIPS if Path(name).suffix == source.path.suffix]
    other = sources.get(rng.choice((*same, *CLIPS))).content
    return content[: rng.randrange(len(content))] + other[rng.randrange(len(other)) :]


def swap_packets(content: bytearray, rng: random.Random, source: Source, *_: object):
    """Two packets change places, each with what lies before it up to the packet before."""
    if Path(source.path).suffix == ".ts":  # they have many pieces
        pieces = [content[i : i + 188] for i in range(0, len(content), 188)]
        a, b = rng.randrange(len(pieces)), rng.randrange(len(pieces))
        pieces[a], pieces[b] = pieces[b], pieces[a]
        return b"".join(pieces)
    (a, a_size), (b, b_size) = sorted(rng.sample(source.places, 2))
    between = content[a + a_size : b]
    moved = content[b : b + b_size] + between + content[a : a + a_size]
    return content[:a] + moved + content[b + b_size :]


def some_range(rng: random.Random, length: int) -> tuple[int, int]:
    start = rng.randrange(length)
    return start, min(length, start + rng.choice((1, 8, 100, 188, 1000, 5000, length // 4)))


DAMAGE: tuple[Damager, ...] = (
    *(flip_anywhere, flip_in_packet, flip_in_packet, flip_in_headers, overwrite, overwrite_packet),
    *(cut, cut_start, remove, remove_packets, insert, copy, concatenate, cross, swap_packets),
)


@dataclass(frozen=True)
class Case:
    """A damaged file, and how it came about."""

    number: int
    source: Source
    damage: str
    content: bytes
    rng: random.Random


def make_case(sources: Sources, seed: int, number: int) -> Case:
    rng = random.Random(f"{seed} {number}")
    names = list(CLIPS)
    source = sources.get(names[number % len(names)])
    content = bytearray(source.content)
    kinds = [rng.choice(DAMAGE) for _ in range(rng.choice((1, 1, 1, 2)))]
    for damage in kinds:
        if content:
            content = bytearray(damage(content, rng, source, sources))
    what = f"{source.path.name}: {', '.join(kind.__name__ for kind in kinds)}"
    return Case(number, source, what, bytes(content), rng)
