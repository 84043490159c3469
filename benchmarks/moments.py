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
CLEAN_SECONDS = 1.0
"""Background begins where the network has seen nothing for so long, and ends likewise."""


@dataclass(frozen=True)
class Scene:
    """A clip of a fixed camera and what is looked for in it.

    `other` is the object that a second question asks about, with a score of `other_score` at least
    (None: the network's default), for an object that is always there teaches nothing; `presence`:
    the share of positive frames in the standard footage; `top`: share of the rows left out that are
    cut off above, where the clip is higher than 16:9.
    """

    name: str
    clip: str
    label: str
    other: str
    presence: float
    other_score: float | None = None
    top: float = 0.5


SCENES = {
    scene.name: scene
    for scene in (
        Scene("person", "intel_one-by-one-person.mp4", "person", "chair", 0.10),
        Scene("truck", "ahmetozlu_road.mp4", "truck", "car", 0.15, 0.85),
        Scene("bus", "tfl_piccadilly_night_bus.mp4", "bus", "car", 0.02, 0.8, top=0.4),
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
class Visit(Span):
    """An object comes at `start`, and has left by `stop`, unless it `stays` in view to the end.

    Before and behind `start` there are frames to fade without the object, and behind `stop`.
    """

    stays: bool


@dataclass(frozen=True)
class Moments:
    """What a clip offers: `positive`, bool (n,), is the reference network's answer per frame.

    `fade`: frames of a cross-fade.
    """

    fps: Fraction
    positive: NDArray[np.bool_]
    visits: tuple[Visit, ...]
    empties: tuple[Span, ...]
    fade: int

    def positives(self, span: Span) -> int:
        """Positive frames in a span."""
        return int(self.positive[span.start : span.stop].sum())


def find_moments(positive: NDArray[np.bool_], fps: Fraction) -> Moments:
    """Divides a clip into visits and background."""
    around, margin, fade, clean = (
        round(seconds * fps)
        for seconds in (STEADY_SECONDS, MARGIN_SECONDS, FADE_SECONDS, CLEAN_SECONDS)
    )
    n = len(positive)
    share = np.convolve(positive, np.ones(around) / around, mode="same")
    seen = [
        run
        for run in runs_of(share >= STEADY)
        if positive[run.start : run.stop].sum() >= LEAST_VISIT_SECONDS * fps
    ]
    edges = [0, *(edge for run in seen for edge in (run.start, run.stop)), n]
    between = [Span(*edge) for edge in zip(edges[0::2], edges[1::2], strict=True)]
    visits = [
        _visit(positive, run, before, after, margin=margin, fade=fade)
        for before, run, after in zip(between, seen, between[1:], strict=False)
    ]
    empties = [_clean(positive, span, clean) for span in between]
    return Moments(
        fps,
        positive,
        tuple(visit for visit in visits if visit is not None),
        tuple(span for span in empties if span.frames >= 2 * fade),
        fade,
    )


def _visit(
    positive: NDArray[np.bool_], run: Span, before: Span, after: Span, *, margin: int, fade: int
) -> Visit | None:
    """A run of positive frames with its margins; None where it cannot be faded in unseen."""

    def empty(start: int, stop: int) -> bool:
        return start >= 0 and stop <= len(positive) and not positive[start:stop].any()

    starts = range(run.start - margin, before.start + fade - 1, -1)
    start = next((at for at in starts if empty(at - fade, at + fade)), None)
    if start is None:
        return None
    stops = range(run.stop + margin, after.stop - fade + 1)
    stop = next((at for at in stops if empty(at, at + fade)), None)
    return Visit(start, run.stop, True) if stop is None else Visit(start, stop, False)


def _clean(positive: NDArray[np.bool_], span: Span, clean: int) -> Span:
    """A background without the first and last sights of what comes and goes."""
    start, stop = span.start, span.stop
    while start > 0 and start < stop and positive[start : start + clean].any():
        start += int(np.flatnonzero(positive[start : start + clean])[-1]) + 1
    while stop < len(positive) and start < stop and positive[max(stop - clean, 0) : stop].any():
        stop = max(stop - clean, 0) + int(np.flatnonzero(positive[max(stop - clean, 0) : stop])[0])
    return Span(start, max(stop, start))


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
        "positive": [[run.start, run.stop] for run in runs_of(best >= network.min_score)],
    }


def runs_of(positive: NDArray[np.bool_]) -> list[Span]:
    """Where frames are positive without a break, for bool (n,)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], positive.astype(np.int8), [0]])))
    return [Span(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]


def main() -> None:
    """Looks at all clips."""
    seen = {name: look(scene, MODEL) for name, scene in SCENES.items()}
    text = json.dumps(seen)  # one line a scene
    SEEN.write_text(text.replace("}, ", "},\n") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
