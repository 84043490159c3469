"""What the clips of the tests look like, by file name: the options of make_clip."""

from __future__ import annotations

# No two frames are equally far apart, and there is a pause of a second in the middle.
UNEVEN = [30 * i + 7 * (i % 4) + 1000 * (i >= 50) for i in range(100)]

SHAPES: dict[str, dict[str, object]] = {
    "plain.mp4": {},
    "b-frames.mp4": {"b_frames": 3},
    "b-frames.mkv": {"b_frames": 2},
    "uneven.mp4": {"b_frames": 2, "milliseconds": UNEVEN},
    "uneven.mkv": {"milliseconds": UNEVEN},
    "late.mp4": {"b_frames": 2, "start_ms": 1500},
    "late.mkv": {"start_ms": 40_000},
    "stream.ts": {"b_frames": 2},
    "one-gop.mp4": {"gop": 1000, "b_frames": 2},
    "all-keys.mp4": {"gop": 1},
    "mpeg4.mp4": {"codec": "mpeg4", "b_frames": 2},
    "mpeg4.avi": {"codec": "mpeg4", "b_frames": 2},
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "h264.avi": {"b_frames": 0},
    "raw.h264": {"b_frames": 2, "fps": 25},  # a raw stream has 25 frames a second, says FFmpeg
    "sound.mp4": {"audio": True},
    "fragments.mp4": {"mux_options": {"movflags": "frag_keyframe+empty_moov"}, "b_frames": 2},
    "vp9.webm": {"codec": "libvpx-vp9", "frames": 50, "size": (80, 64)},
}
