"""What the clips of the tests look like, by file name: the options of make_clip.

Some are changed after they are made (REMADE), in ways that no muxer offers, and some show other
frames than those that were drawn, one after the other (SHOWN).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import av

# No two frames are equally far apart, and there is a pause of a second in the middle.
UNEVEN = [30 * i + 7 * (i % 4) + 1000 * (i >= 30) for i in range(60)]

OPEN_GOP = {"x264-params": "open-gop=1"}
SLICES = {"x264-params": "sliced-threads=1:slices=4:threads=4"}
VP9 = {"codec": "libvpx-vp9", "options": {"deadline": "good", "cpu-used": "5", "row-mt": "0"}}
ALT_REF = {"auto-alt-ref": "1", "lag-in-frames": "25", "deadline": "realtime", "cpu-used": "6"}
AV1 = {"codec": "libsvtav1", "options": {"crf": "10", "preset": "10", "svtav1-params": "lp=1"}}
FORWARD = {"crf": "10", "preset": "10", "svtav1-params": "lp=1:irefresh-type=1"}
CLOSED = {"flags": "+cgop", "sc_threshold": "1000000000"}
HEVC = {"codec": "libx265"}

SHAPES: dict[str, dict[str, object]] = {
    # Containers that know when a frame is shown.
    "plain.mp4": {"frames": 100, "size": (160, 120)},
    "b-frames.mp4": {"b_frames": 3},
    "b-frames.mov": {"b_frames": 3},
    "b-frames.mkv": {"b_frames": 2},
    "b-frames.ts": {"b_frames": 2},
    "b-frames.flv": {"b_frames": 2},
    "plain.ts": {},
    "sound.mp4": {"audio": True},
    "sound.mkv": {"audio": True, "b_frames": 2},
    "sound.ts": {"audio": True, "b_frames": 2},
    "sound.avi": {"audio": True, "codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "fragments.mp4": {"b_frames": 2, "mux_options": {"movflags": "frag_keyframe+empty_moov"}},
    "tiny-fragments.mp4": {
        "b_frames": 2,
        "mux_options": {"movflags": "frag_every_frame+empty_moov+default_base_moof"},
    },
    "dash.mp4": {"b_frames": 2, "mux_options": {"movflags": "dash+global_sidx+frag_keyframe"}},
    "hybrid.mp4": {"b_frames": 2, "mux_options": {"movflags": "hybrid_fragmented+frag_keyframe"}},
    "shifted.mp4": {
        "b_frames": 2,
        "mux_options": {"movflags": "negative_cts_offsets", "use_editlist": "0"},
    },
    "no-cues.mkv": {"b_frames": 2, "mux_options": {"live": "1"}},
    # When frames are shown.
    "uneven.mp4": {"b_frames": 2, "milliseconds": UNEVEN},
    "uneven.mkv": {"milliseconds": UNEVEN},
    "uneven-b.mkv": {"b_frames": 2, "milliseconds": UNEVEN},
    "uneven.ts": {"b_frames": 2, "milliseconds": UNEVEN},
    "late.mp4": {"b_frames": 2, "start_ms": 1500},
    "late-unedited.mp4": {"b_frames": 2, "start_ms": 1500, "mux_options": {"use_editlist": "0"}},
    "late.mkv": {"start_ms": 40_000},
    "late.ts": {"b_frames": 2, "start_ms": 40_000},
    "wrapped.ts": {"b_frames": 2, "start_ms": 2**33 // 90 - 2800},  # its clock has 33 bits
    # Where decoding can begin.
    "one-gop.mp4": {"gop": 1000, "b_frames": 2},
    "one-gop.mkv": {"gop": 1000, "b_frames": 2},
    "long.ts": {"frames": 400, "b_frames": 2, "size": (160, 120), "gop": 25},
    "long-mpeg2.ts": {"frames": 400, "codec": "mpeg2video", "b_frames": 2, "fps": 25, "gop": 25},
    "long.mkv": {"frames": 400, "b_frames": 2, "mux_options": {"cluster_time_limit": "700"}},
    "one-gop.ts": {"gop": 1000, "b_frames": 2},
    "all-keys.mp4": {"gop": 1},
    "open-gop.mp4": {"b_frames": 3, "options": OPEN_GOP},
    "open-gop.mkv": {"b_frames": 3, "options": OPEN_GOP},
    "open-gop.ts": {"b_frames": 3, "options": OPEN_GOP},
    "open-pyramid.mp4": {
        "b_frames": 5,
        "options": {"x264-params": "open-gop=1:b-pyramid=normal:ref=4"},
    },
    "pyramid.mkv": {"b_frames": 7, "options": {"x264-params": "b-pyramid=normal:ref=5"}},
    "refresh.mp4": {"options": {"x264-params": "intra-refresh=1"}},
    "refresh.mkv": {"options": {"x264-params": "intra-refresh=1"}},
    "refresh.ts": {"options": {"x264-params": "intra-refresh=1"}},
    "refresh-b.mkv": {"b_frames": 2, "options": {"x264-params": "intra-refresh=1"}},
    "slices.mp4": {"b_frames": 2, "options": SLICES},
    "slices.ts": {"b_frames": 2, "options": SLICES},
    "interlaced.ts": {"b_frames": 2, "options": {"x264-params": "tff=1"}},
    "rotated.mp4": {"rotation": 90, "b_frames": 2},
    "rotated.mov": {"rotation": 180},
    # HEVC: open GOPs begin with CRA pictures, whose leading pictures need the GOP before.
    "hevc.mp4": {**HEVC, "b_frames": 3},
    "hevc.mov": {**HEVC, "b_frames": 2},
    "hevc.mkv": {**HEVC},
    "hevc.ts": {**HEVC, "b_frames": 3},
    "hevc-open.mp4": {**HEVC, "b_frames": 3, "options": {"x265-params": "open-gop=1"}},
    "hevc-open.mkv": {**HEVC, "b_frames": 4, "options": {"x265-params": "open-gop=1"}},
    "hevc-open.ts": {**HEVC, "b_frames": 3, "options": {"x265-params": "open-gop=1"}},
    "hevc-radl.mp4": {
        **HEVC,
        "b_frames": 4,
        "options": {"x265-params": "radl=2:min-keyint=12:keyint=12"},
    },
    "hevc-layers.mkv": {
        **HEVC,
        "b_frames": 3,
        "options": {"x265-params": "temporal-layers=2:b-pyramid=1"},
    },
    "hevc-refresh.mkv": {**HEVC, "options": {"x265-params": "intra-refresh=1"}},
    "hevc-ten-bits.mkv": {**HEVC, "b_frames": 2, "pix_fmt": "yuv420p10le"},
    # Frames that are decoded and never shown, and hierarchies of B-frames.
    "vp9.webm": {**VP9},
    "vp9.mp4": {**VP9},
    "vp9-alt-ref.webm": {**VP9, "options": ALT_REF, "gop": 24},
    "vp9-alt-ref.mp4": {**VP9, "options": ALT_REF, "gop": 24},
    "vp9-444.webm": {**VP9, "pix_fmt": "yuv444p", "size": (83, 67)},
    "vp8.webm": {"codec": "libvpx"},
    "vp8-hidden.webm": {"codec": "libvpx"},
    "av1.mp4": {**AV1, "gop": 16},
    "av1.mkv": {**AV1, "gop": 16},
    "av1.webm": {**AV1, "gop": 16},
    "av1-open.mp4": {**AV1, "gop": 16, "options": FORWARD},
    "av1-open.mkv": {**AV1, "gop": 16, "options": FORWARD},
    "av1-ten-bits.mkv": {**AV1, "gop": 16, "pix_fmt": "yuv420p10le"},
    # Older codecs.
    "mpeg4.mp4": {"codec": "mpeg4", "b_frames": 2},
    "mpeg4.mkv": {"codec": "mpeg4", "b_frames": 2},
    "mpeg4.ts": {"codec": "mpeg4", "b_frames": 2, "fps": 25},
    "mpeg4-closed.mp4": {"codec": "mpeg4", "b_frames": 2, "options": CLOSED},
    "mpeg2.ts": {"codec": "mpeg2video", "b_frames": 2, "fps": 25},
    "mpeg2.mkv": {"codec": "mpeg2video", "b_frames": 2, "fps": 25},
    "mpeg2.mpg": {"codec": "mpeg2video", "b_frames": 2, "fps": 25},
    "mjpeg.mov": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "mjpeg.mkv": {"codec": "mjpeg", "pix_fmt": "yuvj422p"},
    "msmpeg4.mkv": {"codec": "msmpeg4"},
    "wmv2.wmv": {"codec": "wmv2"},
    # AVI stores the order of decoding only; frames that repeat the last are empty packets.
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "msmpeg4.avi": {"codec": "msmpeg4"},
    "mpeg4-p.avi": {"codec": "mpeg4"},
    "mpeg4.avi": {"codec": "mpeg4", "b_frames": 2},
    "h264.avi": {"b_frames": 0},
    "h264-b.avi": {"b_frames": 2},
    "ffv1.avi": {"codec": "ffv1"},
    # Formats of pixels.
    "422.mkv": {"b_frames": 2, "pix_fmt": "yuv422p"},
    "444.mp4": {"b_frames": 2, "pix_fmt": "yuv444p", "size": (81, 67)},
    "gray.mkv": {"b_frames": 2, "pix_fmt": "gray"},
    "ten-bits.mp4": {"b_frames": 2, "pix_fmt": "yuv420p10le"},
    "ten-bits-422.mkv": {"pix_fmt": "yuv422p10le"},
    "odd.mkv": {"codec": "ffv1", "pix_fmt": "yuv420p", "size": (81, 67)},
    "ffv1-inter.mkv": {"codec": "ffv1", "pix_fmt": "yuv422p10le", "gop": 12},
    "prores.mov": {"codec": "prores", "pix_fmt": "yuv422p10le"},
    # No times at all.
    "raw.h264": {"b_frames": 2, "fps": 25},  # a raw stream has 25 frames a second, says FFmpeg
    "raw.hevc": {**HEVC, "b_frames": 2, "fps": 25},
    "raw.m4v": {"codec": "mpeg4", "b_frames": 0, "fps": 25},
    # Edit lists of mp4: which stretches of the film are shown, in what order.
    "negative.mp4": {"start_ms": -500},
    "negative-b.mp4": {"start_ms": -500, "b_frames": 2},
    "hidden-first.mp4": {"b_frames": 2},
    "hidden-last.mp4": {"b_frames": 2},
    "hidden-middle.mp4": {"b_frames": 2},
    "empty-edit.mp4": {"b_frames": 2},
    "reordered.mp4": {"b_frames": 2},
    "repeated.mp4": {},
    # Tables of key frames that are absent, so that every frame is called one, or empty.
    "no-stss.mp4": {"b_frames": 2},
    "empty-stss.mp4": {"b_frames": 2},
    "no-stss-hevc.mp4": {**HEVC, "b_frames": 2},
    "no-stss-mpeg4.mp4": {"codec": "mpeg4"},
    # AVI files with packets that hold no picture.
    "one-byte.avi": {"codec": "mpeg4", "options": {"flags": "+bitexact"}},
    "one-byte-b.avi": {"codec": "mpeg4", "b_frames": 2, "options": {"flags": "+bitexact"}},
    "no-bytes.avi": {"codec": "msmpeg4"},
    "not-coded.avi": {"codec": "mpeg4", "options": {"flags": "+bitexact"}},
    "packed.avi": {"codec": "mpeg4", "b_frames": 1, "options": {"flags": "+bitexact"}},
    "packed-2.avi": {"codec": "mpeg4", "b_frames": 2, "options": {"flags": "+bitexact"}},
    "packed-not-coded.avi": {"codec": "mpeg4", "b_frames": 2, "options": {"flags": "+bitexact"}},
}


def edit_list(path: Path, *edits: tuple[int, int | None]) -> None:
    """Replaces the edit list of an mp4 with one track, whose boxes lie behind its pictures.

    `edits`: duration and beginning in milliseconds, as make_clip has drawn; a beginning of None
    shows nothing.
    """
    content = path.read_bytes()
    start = content.index(b"edts") - 4
    (size,) = struct.unpack_from(">I", content, start)
    with av.open(str(path)) as container:
        media_scale = container.streams.video[0].time_base.denominator
    # What the muxer wrote begins with the first picture, as presentation times are stored.
    delay = struct.unpack_from(">i", content, start + 28)[0]
    entries = [
        struct.pack(">Iihh", ms, -1 if at is None else at * media_scale // 1000 + delay, 1, 0)
        for ms, at in edits
    ]
    elst = b"elst" + struct.pack(">II", 0, len(entries)) + b"".join(entries)
    edts = struct.pack(">I4sI", len(elst) + 12, b"edts", len(elst) + 4) + elst
    changed = bytearray(content[:start] + edts + content[start + size :])
    for box in (b"moov", b"trak"):
        at = content.index(box) - 4
        (old,) = struct.unpack_from(">I", content, at)
        struct.pack_into(">I", changed, at, old + len(edts) - size)
    path.write_bytes(changed)


def no_key_frame_table(path: Path) -> None:
    """Takes the list of key frames from an mp4: then all frames are."""
    path.write_bytes(path.read_bytes().replace(b"stss", b"free"))


def empty_key_frame_table(path: Path) -> None:
    """Empties the list of key frames of an mp4."""
    content = bytearray(path.read_bytes())
    struct.pack_into(">I", content, content.index(b"stss") + 8, 0)
    path.write_bytes(content)


def hide(path: Path) -> None:
    """Clears the show_frame bit of each tenth VP8 frame, as in the alternative references that
    libvpx makes with two passes.
    """
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    content = path.read_bytes()
    for packet in packets[9::10]:
        assert content.count(packet) == 1
        content = content.replace(packet, bytes([packet[0] & ~0x10]) + packet[1:])
    path.write_bytes(content)


def remux_avi(path: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Writes the packets of an AVI again, as `change` returns them, as a file of XviD's."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        rate = stream.average_rate
        packets = [packet for packet in container.demux(stream) if packet.size]
        keys = {bytes(packet) for packet in packets if packet.is_keyframe}
        with av.open(str(path.with_suffix(".new")), "w", format="avi") as out:
            copy = out.add_stream_from_template(stream)
            copy.time_base = 1 / Fraction(rate)
            for i, content in enumerate(change([bytes(packet) for packet in packets])):
                packet = av.Packet(content)
                packet.stream, packet.time_base, packet.dts = copy, copy.time_base, i
                packet.is_keyframe = content in keys or len(content) == 1
                out.mux(packet)
    path.write_bytes(path.with_suffix(".new").read_bytes().replace(b"FMP4", b"XVID"))
    path.with_suffix(".new").unlink()


SKIPPED = b"\x7f"
"""The packet by which XviD and DivX say that there is no picture."""

NOT_CODED = b"\0\0\1\xb6\x50\x9f"
"""The other one: a P-frame whose header ends with vop_coded = 0."""


def with_skips(skip: bytes, packets: list[bytes]) -> list[bytes]:
    """With `skip` after each seventh packet, and two after the first."""
    out = []
    for i, packet in enumerate(packets):
        out += [packet, *[skip] * ((i % 7 == 4) + 2 * (i == 0))]
    return out


def pack(placeholder: bytes, packets: list[bytes]) -> list[bytes]:
    """The first B-frame comes in one packet with the picture that it needs, the next one in its
    place, and a placeholder in that of the last one.
    """
    picture, user_data = b"\0\0\1\xb6", b"\0\0\1\xb2DivX503b1393p"
    out: list[bytes] = []
    behind = False
    for packet in packets:
        is_b = packet[packet.index(picture) + 4] >> 6 == 2
        if is_b and not behind:
            out[-1] += packet
        elif behind and not is_b:
            out += [placeholder, packet]
        else:
            out.append(packet)
        behind = is_b
    at = out[0].index(picture)
    return [out[0][:at] + user_data + out[0][at:], *out[1:], *[placeholder] * behind]


REMADE: dict[str, Callable[[Path], None]] = {
    "hidden-first.mp4": lambda path: edit_list(path, (4500, 1500)),
    "hidden-last.mp4": lambda path: edit_list(path, (4000, 0)),
    "hidden-middle.mp4": lambda path: edit_list(path, (2000, 0), (2500, 3500)),
    "empty-edit.mp4": lambda path: edit_list(path, (700, None), (6000, 0)),
    "reordered.mp4": lambda path: edit_list(path, (3000, 3000), (3000, 0)),
    "repeated.mp4": lambda path: edit_list(path, (2000, 1000), (2000, 1000)),
    "no-stss.mp4": no_key_frame_table,
    "no-stss-hevc.mp4": no_key_frame_table,
    "no-stss-mpeg4.mp4": no_key_frame_table,
    "empty-stss.mp4": empty_key_frame_table,
    "vp8-hidden.webm": hide,
    "one-byte.avi": partial(remux_avi, change=partial(with_skips, SKIPPED)),
    "one-byte-b.avi": partial(remux_avi, change=partial(with_skips, SKIPPED)),
    "no-bytes.avi": partial(remux_avi, change=partial(with_skips, b"")),
    "not-coded.avi": partial(remux_avi, change=partial(with_skips, NOT_CODED)),
    "packed.avi": partial(remux_avi, change=partial(pack, SKIPPED)),
    "packed-2.avi": partial(remux_avi, change=partial(pack, SKIPPED)),
    "packed-not-coded.avi": partial(remux_avi, change=partial(pack, NOT_CODED)),
}

SHOWN: dict[str, list[int]] = {
    "negative.mp4": [*range(5, 60)],
    "negative-b.mp4": [*range(5, 60)],
    "hidden-first.mp4": [*range(15, 60)],
    "hidden-last.mp4": [*range(40)],
    "hidden-middle.mp4": [*range(20), *range(35, 60)],
    "reordered.mp4": [*range(30, 60), *range(30)],
    "repeated.mp4": [*range(10, 30), *range(10, 30)],
    "vp8-hidden.webm": [i for i in range(60) if i % 10 != 9],
}
