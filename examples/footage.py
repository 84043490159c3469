"""Makes the demo's footage: a fixed camera on a lake, and now and then a visitor.

All pictures are photographs that come with scikit-learn and scikit-image: the scene, a cat, and
as visitors that are no cats a portrait and a cup of coffee. Trees sway, the light drifts, the
sensor is noisy. The seed is fixed: every machine makes the same pictures.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import skimage.data
import sklearn.datasets
from numpy.typing import NDArray
from rich.progress import track

Image = NDArray[np.uint8]  # (H, W, 3), BGR

VERSION = 1  # counted up with every change of the pictures, so that they are made anew
SEED = 0
SECONDS, FPS, WIDTH, HEIGHT = 180, 10, 1280, 720
N_CATS, N_OTHERS = 9, 4


@dataclass(frozen=True)
class Visit:
    """One visitor's stay: frames [start, stop), at x, y, moving by dx, dy pixels a frame."""

    start: int
    stop: int
    is_cat: bool
    picture: NDArray[np.float32]  # (h, w, 3)
    alpha: NDArray[np.float32]  # (h, w, 1), soft at the rim
    x: float
    y: float
    dx: float
    dy: float

    def draw(self, scene: Image, frame: int) -> None:
        """Blend the visitor into `scene`, half transparent in its first and last frame."""
        age = frame - self.start
        fade = 0.5 if frame in (self.start, self.stop - 1) else 1.0
        h, w = self.alpha.shape[:2]
        x, y = round(self.x + self.dx * age), round(self.y + self.dy * age)
        place = scene[y : y + h, x : x + w]
        place[:] = place + (self.picture - place) * (self.alpha * fade)


def footage(folder: Path) -> Path:
    """The path of the footage in `folder`, made at the first call."""
    path = folder / f"lake-v{VERSION}.mp4"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial.mp4")
        frames = track(
            compose(SEED), description="making the footage", total=SECONDS * FPS, transient=True
        )
        write_video(partial, frames)
        os.replace(partial, path)  # so that an interrupted run leaves no half a video
    return path


def compose(seed: int) -> Iterator[Image]:
    """Every frame of the footage."""
    rng = np.random.default_rng(seed)
    visits = plan_visits(rng)
    scenes = swaying_scenes()
    noise = [rng.normal(0, 2.5, (HEIGHT + 64, WIDTH + 64, 3)).astype(np.int16) for _ in range(3)]
    for frame in range(SECONDS * FPS):
        seconds = frame / FPS
        phase = 0.5 + 0.5 * np.sin(1.3 * seconds) * np.cos(0.31 * seconds)
        scene = scenes[round(phase * (len(scenes) - 1))].copy()
        for visit in visits:
            if visit.start <= frame < visit.stop:
                visit.draw(scene, frame)
        light = (
            1 + 0.06 * np.sin(2 * np.pi * seconds / 110) + 0.01 * np.sin(2 * np.pi * seconds / 7)
        )
        # A few fields of noise, shifted at random, look like new ones and cost nothing.
        x, y = rng.integers(0, 64, 2)
        grain = noise[rng.integers(len(noise))][y : y + HEIGHT, x : x + WIDTH]
        scene = cv2.convertScaleAbs(scene, alpha=light)
        yield np.asarray(cv2.add(scene, grain, dtype=cv2.CV_8U), np.uint8)


def plan_visits(rng: np.random.Generator) -> list[Visit]:
    """Who comes when, for how long and where; no two at the same time."""
    n_visits = N_CATS + N_OTHERS
    cat, *others = (
        np.ascontiguousarray(picture[:, :, ::-1])
        for picture in (skimage.data.chelsea(), skimage.data.astronaut(), skimage.data.coffee())
    )
    is_cat = rng.permutation(n_visits) < N_CATS
    lengths = rng.uniform(2.5, 5.5, n_visits)
    least_gap = 1.5
    spare = SECONDS - lengths.sum() - least_gap * (n_visits + 1)
    gaps = least_gap + spare * rng.dirichlet(np.ones(n_visits + 1))
    starts = np.cumsum(gaps[:-1]) + np.cumsum(lengths) - lengths
    visits = []
    for i in range(n_visits):
        picture = cat if is_cat[i] else others[rng.integers(len(others))]
        start, stop = round(starts[i] * FPS), round((starts[i] + lengths[i]) * FPS)
        visits.append(_visit(rng, picture, start, stop, is_cat=bool(is_cat[i])))
    return visits


def _visit(rng: np.random.Generator, image: Image, start: int, stop: int, *, is_cat: bool) -> Visit:
    height = int(rng.integers(290, 331))
    width = round(image.shape[1] * height / image.shape[0])
    picture = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    dx, dy = rng.uniform(-1.0, 1.0, 2)
    # Over the lake and the trees, away from the pagoda; the whole path stays inside.
    reach = np.ceil([abs(dx) * (stop - start), abs(dy) * (stop - start)])
    x = rng.uniform(460 + reach[0], WIDTH - width - reach[0])
    y = rng.uniform(285, HEIGHT - height)
    y = float(np.clip(y, reach[1], HEIGHT - height - reach[1]))
    return Visit(start, stop, is_cat, picture, soft_rim(height, width), x, y, dx, dy)


def soft_rim(height: int, width: int) -> NDArray[np.float32]:
    """Opacity (height, width, 1): 1 inside, falling to 0 over the outer 4 %."""
    x = np.minimum(np.arange(width), np.arange(width)[::-1]) / (0.04 * width)
    y = np.minimum(np.arange(height), np.arange(height)[::-1]) / (0.04 * height)
    rim = np.minimum(x[None, :], y[:, None]).clip(0, 1)
    return np.asarray(rim * rim * (3 - 2 * rim), np.float32)[..., None]


def swaying_scenes(n_phases: int = 12) -> list[Image]:
    """The scene with its trees bent a little, from one side to the other."""
    photograph = sklearn.datasets.load_sample_image("china.jpg")[:, :, ::-1]
    scene = cv2.resize(photograph, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    trees = np.clip((x - 1050) / 150, 0, 1) * np.clip((700 - y) / 300, 0, 1)
    return [
        cv2.remap(scene, x + bend * trees, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        for bend in np.linspace(-2.5, 2.5, n_phases, dtype=np.float32)
    ]


def write_video(path: Path, frames: Iterable[Image]) -> None:
    """Encode BGR frames as H.264, a key frame every five seconds."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.time_base = Fraction(1, FPS)
        stream.gop_size = 5 * FPS
        stream.options = {"preset": "veryfast", "crf": "26"}
        stream.codec_context.thread_type = "FRAME"
        for image in frames:
            planes = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
        container.mux(stream.encode())
