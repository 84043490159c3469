"""Scenes, and the real moments of their clips: when an object is there, and when it is not.

`python -m benchmarks.moments` lets the reference network look at every frame of the clips and
writes what it saw to `scenes.json`; everything else here follows from that.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MODEL = "torchscript:yolov8s_fp16.torchscript"
SEEN = Path(__file__).with_name("scenes.json")

LOOKED_AT = (1280, 720)

FADE_SECONDS = 0.5
STEADY_SECONDS, STEADY = 1.0, 0.4
"""An object is there while the network sees it in such a share of the frames around: it flickers in
its presence, and out of its absence."""
MARGIN_SECONDS = 0.75
"""Of real background before and after a visit, in which the object may be partly in view."""
LEAST_VISIT_SECONDS = 1.0
"""Positive frames that make a visit; what flickers for less belongs to the background."""


@dataclass(frozen=True)
class Scene:
    """A clip of a fixed camera and what is looked for in it.

    `other` is the object that a second question asks about; `presence` the share of positive frames
    in the standard footage; `top`: share of the rows left out that are cut off above, where the
    clip is higher than 16:9.
    """

    name: str
    clip: str
    label: str
    other: str
    presence: float
    top: float = 0.5


SCENES = {
    scene.name: scene
    for scene in (
        Scene("person", "intel_one-by-one-person.mp4", "person", "chair", 0.10),
        Scene("truck", "ahmetozlu_road.mp4", "truck", "car", 0.15),
        Scene("bus", "tfl_piccadilly_night_bus.mp4", "bus", "car", 0.02, top=0.4),
    )
}


@dataclass(frozen=True)
class Span:
    """Frames [start, stop) of a clip."""

    start: int
    stop: int

    @property
    def frames(self) -> int:
        """How many."""
        return self.stop - self.start


@dataclass(frozen=True)
class Moments:
    """What a clip offers: `positive`, bool (n,), is the reference network's answer per frame.

    Behind each span the clip goes on for at least `fade` frames, so that it can be faded out.
    """

    fps: Fraction
    positive: NDArray[np.bool_]
    visits: tuple[Span, ...]
    empties: tuple[Span, ...]
    fade: int

    @property
    def flicker(self) -> float:
        """Share of positive frames in the background."""
        return sum(map(self.positives, self.empties)) / sum(span.frames for span in self.empties)

    def positives(self, span: Span) -> int:
        """Positive frames in a span."""
        return int(self.positive[span.start : span.stop].sum())


def find_moments(positive: NDArray[np.bool_], fps: Fraction) -> Moments:
    """Divides a clip into visits and background."""
    around, margin, fade = (
        round(seconds * fps) for seconds in (STEADY_SECONDS, MARGIN_SECONDS, FADE_SECONDS)
    )
    n = len(positive)
    share = np.convolve(positive, np.ones(around) / around, mode="same")
    seen = [
        run
        for run in _runs(share >= STEADY)
        if positive[run.start : run.stop].sum() >= LEAST_VISIT_SECONDS * fps
    ]
    visits, empties = [], []
    edges = [0, *(edge for run in seen for edge in (run.start, run.stop)), n]
    for start, stop in zip(edges[0::2], edges[1::2], strict=True):
        # Away from the clip's ends a margin of the background belongs to the visits beside it.
        left, right = start + (start > 0) * margin, stop - (stop < n) * margin - fade
        if right - left >= 2 * fade:
            empties.append(Span(left, right))
    for before, run, after in zip(edges[0::2], seen, edges[3::2], strict=False):
        start, stop = max(run.start - margin, before), min(run.stop + margin, after, n - fade)
        visits.append(Span(start, stop))
    return Moments(fps, positive, tuple(visits), tuple(empties), fade)


def seen_in(scene: str) -> dict[str, Any]:
    """What was written down about a scene's clip."""
    seen: dict[str, Any] = json.loads(SEEN.read_text(encoding="utf-8"))[scene]
    return seen


@cache
def moments_of(scene: str) -> Moments:
    """The moments of a scene's clip."""
    seen = seen_in(scene)
    positive = np.zeros(seen["frames"], np.bool_)
    for start, stop in seen["positive"]:
        positive[start:stop] = True
    return find_moments(positive, Fraction(seen["fps"]))


def look(scene: Scene, spec: str) -> dict[str, Any]:
    """What the reference network sees in a scene's clip, enlarged as for footage; plain data."""
    from benchmarks.data import clip_path, full_spec, short_spec
    from benchmarks.drawing import Clip
    from vqe.models.load import load_reference
    from vqe.models.reference import batches
    from vqe.video.indexing import build_index

    network = load_reference(full_spec(spec))
    index = build_index(str(clip_path(scene.clip)), lambda: None)
    clip = Clip(scene, *LOOKED_AT)
    label = network.labels.index(scene.label)
    best = np.concatenate(
        [
            network.detect([clip.rgb(number) for number in range(start, stop)]).best_score(label)
            for start, stop in batches(len(index), network.batch_size)
        ]
    )
    seconds = Fraction(int(index.timestamps_us[-1]), 1_000_000)
    fps = ((len(index) - 1) / seconds).limit_denominator(2)
    return {
        "clip": scene.clip,
        "label": scene.label,
        "model": short_spec(spec),
        "min_score": network.min_score,
        "frames": len(index),
        "fps": str(fps),
        "positive": [[run.start, run.stop] for run in _runs(best >= network.min_score)],
    }


def _runs(positive: NDArray[np.bool_]) -> list[Span]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], positive.astype(np.int8), [0]])))
    return [Span(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def main() -> None:
    """Looks at all clips."""
    seen = {name: look(scene, MODEL) for name, scene in SCENES.items()}
    text = json.dumps(seen)  # one line a scene
    SEEN.write_text(text.replace("}, ", "},\n") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
