"""Resampled footage: hours of video made of the real moments of a clip.

Visits and background are what a fixed camera really saw; when they come, in which light and with
which noise is drawn from a seed. Background is played to and fro, and an object that never leaves
its clip goes back the way it came: time runs backwards there, which no single picture shows. What
all that cannot give is variety: the same few visits come again and again.

`python -m benchmarks.footage person --hours 1` writes a video and a contact sheet.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

from benchmarks.encoding import Profile, encode_pieces, written
from benchmarks.moments import SCENES, Scene, moments_of, seen_in
from benchmarks.streams import FOLDER
from benchmarks.timeline import CALM, Disturbances, Timeline, lay_out

VERSION = 2  # part of the names: to be raised when the pictures or the encoding change

SHAPE = 16 / 9
PIECE_GOPS = 10
"""Groups of pictures that one encoder makes: pieces are encoded side by side."""
PRESET = "superfast"
"""About the effort of a camera's encoder."""
BITS_PER_PIXEL = 0.09
"""Of a camera with a constant rate: 2,500 kbit/s at 720p and 30 frames a second."""

Encoder = Literal["camera", "archive"]


@dataclass(frozen=True)
class Footage:
    """What to make: everything that the pictures depend on.

    `presence`: share of frames in which the reference network sees the object, in the clip's
    pictures without noise and in full light; `burstiness`: variance of the arrival rate between
    some minutes and others, 0 for none; `noise`: standard deviation of the sensor's in grey values.
    `encoder`: "camera" has a constant rate, short groups of pictures and no B-frames; "archive" has
    constant quality, long groups and B-frames.
    """

    scene: str
    hours: float
    presence: float
    height: int = 720
    encoder: Encoder = "camera"
    burstiness: float = 0.5
    disturbances: Disturbances = CALM
    noise: float = 2.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.scene not in SCENES:
            raise ValueError(f"no scene {self.scene!r}: there are {', '.join(SCENES)}")
        if not 0.001 <= self.presence <= 0.5:
            raise ValueError(f"presence is from 0.001 to 0.5, not {self.presence}")
        if not (self.hours > 0 and self.noise >= 0 and self.burstiness >= 0):
            raise ValueError("hours are positive, noise and burstiness not negative")
        if self.height % 4 or self.height < 64:
            raise ValueError(f"height is a multiple of 4 from 64 on, not {self.height}")

    @property
    def of(self) -> Scene:
        """Its scene."""
        return SCENES[self.scene]

    @property
    def width(self) -> int:
        """To 16:9."""
        return 4 * round(self.height * SHAPE / 4)

    @property
    def fps(self) -> float:
        """The clip's own."""
        return float(moments_of(self.scene).fps)

    @property
    def frames(self) -> int:
        """How many pictures."""
        return round(self.hours * 3600 * self.fps)

    @property
    def key(self) -> str:
        """A name for people, made unique by a digest of all parameters, the scene's included."""
        everything = json.dumps([VERSION, asdict(self), asdict(self.of), seen_in(self.scene)])
        digest = hashlib.sha256(everything.encode()).hexdigest()
        length = f"{self.hours:g}h" if self.hours >= 1 else f"{60 * self.hours:.3g}min"
        about = f"{self.scene}-{length}-{100 * self.presence:g}pc-{self.height}p-{self.encoder}"
        return f"{about}-{digest[:8]}"

    @property
    def path(self) -> Path:
        """Where its video is kept."""
        return FOLDER / "footage" / f"{self.key}.mp4"

    @cached_property
    def timeline(self) -> Timeline:
        """What is to be seen when."""
        return lay_out(
            moments_of(self.scene),
            frames=self.frames,
            presence=self.presence,
            burstiness=self.burstiness,
            disturbances=self.disturbances,
            rows=self.height,
            seed=self.seed,
        )

    def beginning(self, frames: int) -> Footage:
        """A video of so many frames that looks alike, but begins with another moment."""
        hours = frames / 3600 / self.fps
        return replace(self, hours=hours, presence=0.1, seed=self.seed + 1)

    @property
    def profile(self) -> Profile:
        """How it is encoded."""
        if self.encoder == "archive":
            return Profile(gop=250, b_frames=3, crf=26, preset=PRESET, threads=1)
        kilobits = round(BITS_PER_PIXEL * self.width * self.height * self.fps / 1000)
        return Profile(gop=60, kilobits=kilobits, preset=PRESET, threads=1)

    def to_dict(self) -> dict[str, Any]:
        """Everything about it as plain data."""
        derived = {name: getattr(self, name) for name in ("key", "width", "fps", "frames")}
        return asdict(self) | derived | {"clip": self.of.clip, "label": self.of.label}


def make(footage: Footage, path: Path | None = None) -> Path:
    """Draws and encodes a footage, unless it is kept from before; always where a path is given."""
    from benchmarks.drawing import Clip, Drawing

    kept = path is None and footage.path.exists()
    path = path or footage.path
    if not kept:
        clip = Clip(footage.of, footage.width, footage.height)
        drawing = Drawing(clip, footage.timeline, footage.noise, footage.seed)
        how = footage.profile
        length = PIECE_GOPS * how.gop
        pieces = [
            partial(drawing.pictures, start, min(start + length, footage.frames))
            for start in range(0, footage.frames, length)
        ]
        with written(path) as container:
            encode_pieces(container, pieces, moments_of(footage.scene).fps, how)
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """Makes one footage, and its contact sheet."""
    from benchmarks.contact_sheet import write_sheet

    parser = argparse.ArgumentParser(prog="python -m benchmarks.footage", description=__doc__)
    parser.add_argument("scene", choices=SCENES)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--presence", type=float, help="share of frames with the object")
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--encoder", choices=("camera", "archive"), default="camera")
    parser.add_argument("--burstiness", type=float, default=0.5)
    parser.add_argument("--noise", type=float, default=2.0)
    parser.add_argument("--jolts", type=float, default=0.0, help="an hour")
    parser.add_argument("--exposure-steps", type=float, default=0.0, help="an hour")
    parser.add_argument("--lights-off", type=float, default=0.0, help="an hour")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, metavar="FILE", help="the video, an mp4")
    options = parser.parse_args(arguments)
    presence = SCENES[options.scene].presence if options.presence is None else options.presence
    footage = Footage(
        scene=options.scene,
        hours=options.hours,
        presence=presence,
        height=options.height,
        encoder=options.encoder,
        burstiness=options.burstiness,
        disturbances=Disturbances(options.jolts, options.exposure_steps, options.lights_off),
        noise=options.noise,
        seed=options.seed,
    )
    start = time.perf_counter()
    path = make(footage, options.output)
    print(f"{path}: {footage.frames:,} frames in {time.perf_counter() - start:.0f} s")
    print(f"contact sheet: {write_sheet(footage, path)}")


if __name__ == "__main__":
    main()
