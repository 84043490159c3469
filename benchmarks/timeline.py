"""Footage as a plan: which moment of the clip is shown when, in which light, from where.

Everything is drawn from one seed, before a single picture is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.moments import LEAST_VISIT_SECONDS, Moments, Span

DAWN_HOUR, SUNSET_HOUR = 6.25, 17.75
DUSK_HOURS = 0.12
"""How long the light takes to fall; a camera's exposure hides most of a real dusk."""
NIGHT_LIGHT = 0.6
DRIFT = 0.04
DRIFT_MINUTES = (3.0, 11.0, 37.0)
BURST_SECONDS = 180
LIGHTS_OFF = 0.25
LIGHTS_OFF_SECONDS = 60
EXPOSURE_STEP = 0.25
JOLT_ROWS = 720
"""Jolts are pixels of a picture with so many rows."""


@dataclass(frozen=True)
class Disturbances:
    """What happens to the camera, so many times an hour.

    `jolts` leave it 3 to 12 pixels of 720p from where it was, after it swung for a second;
    `exposure_steps` change the brightness by up to a quarter until the next one; `lights_off` leave
    a quarter of the light for a minute.
    """

    jolts: float = 0.0
    exposure_steps: float = 0.0
    lights_off: float = 0.0


CALM = Disturbances()
"""Nothing happens."""


@dataclass(frozen=True)
class Timeline:
    """N pictures, each array of length N.

    `source`: the clip's frame; `fading`: the one that fades out below it, or -1; `weight`: of
    `source` in 256ths; `light`: factor of the brightness, float64; `shift`: pixels to the right and
    down, int64 (N, 2), even; `visits`: where objects are in view.
    """

    source: NDArray[np.int64]
    fading: NDArray[np.int64]
    weight: NDArray[np.int64]
    light: NDArray[np.float64]
    shift: NDArray[np.int64]
    visits: tuple[Span, ...]

    def __len__(self) -> int:
        return len(self.source)


def lay_out(
    moments: Moments,
    *,
    frames: int,
    presence: float,
    burstiness: float,
    disturbances: Disturbances,
    rows: int,
    seed: int,
) -> Timeline:
    """A time line of `frames` pictures with about `presence` of them positive.

    Raises ValueError where the clip's visits hold too few positive frames for that.
    """
    rng = np.random.default_rng(seed)
    positives = max(round((presence - moments.flicker) * frames), 1)
    visits = _choose_visits(moments, positives, frames, rng)
    empty = frames - sum(visit.frames for visit in visits)
    least = 2 * moments.fade
    if empty < least or max(span.frames for span in moments.empties) < 2 * least:
        raise ValueError("there is too little background")
    seconds = np.arange(frames) / float(moments.fps)
    hours = SUNSET_HOUR + (seconds - 0.6 * seconds[-1]) / 3600
    rate = _rate(hours) * _bursts(seconds, burstiness, rng)
    gaps = _gaps(rate, len(visits), empty, least, rng)
    pieces: list[Span] = []
    shown: list[Span] = []
    for i, gap in enumerate(gaps):
        pieces += _background(moments, gap, rng)
        if i < len(visits):
            start = sum(piece.frames for piece in pieces)
            shown.append(Span(start, start + visits[i].frames))
            pieces.append(visits[i])
    source, fading, weight = _joined(pieces, moments.fade)
    light = _light(seconds, hours, rng) * _disturbed_light(seconds, disturbances, rng)
    shift = _shifts(seconds, disturbances.jolts, rows / JOLT_ROWS, rng)
    return Timeline(source, fading, weight, light, shift, tuple(shown))


def _choose_visits(
    moments: Moments, positives: int, frames: int, rng: np.random.Generator
) -> list[Span]:
    """Visits with about so many positive frames in all, in any order."""
    # Where the object is to be seen often, visits in which the network sees it seldom are left out.
    pool = sorted(moments.visits, key=lambda visit: moments.positives(visit) / visit.frames)
    while pool and positives * _share(moments, pool) > 0.98 * frames:
        del pool[0]
    if not pool:
        raise ValueError(f"visits cannot hold {positives:,} positive frames of {frames:,}")
    chosen: list[Span] = []
    while positives > 0:
        for i in rng.permutation(len(pool)):
            chosen.append(pool[i])
            positives -= moments.positives(pool[i])
            if positives <= 0:
                break
    # The last visit is cut short, or left out where next to nothing of it would remain.
    last = chosen.pop()
    seen = last.start + np.flatnonzero(moments.positive[last.start : last.stop])
    left = len(seen) + positives
    if left >= LEAST_VISIT_SECONDS * moments.fps or not chosen:
        stop = max(int(seen[left - 1]) + 1, last.start + 2 * moments.fade)
        chosen.append(Span(last.start, stop))
    return [chosen[i] for i in rng.permutation(len(chosen))]


def _share(moments: Moments, pool: list[Span]) -> float:
    """Frames for each positive one, if all visits of the pool come equally often."""
    return sum(visit.frames for visit in pool) / sum(map(moments.positives, pool))


def _rate(hours: NDArray[np.float64]) -> NDArray[np.float64]:
    """Arrivals over the day, relative: few at night, most in the morning and before evening."""
    day = hours % 24
    rate: NDArray[np.float64] = np.where((day > 6) & (day < 21), 0.5, 0.15)
    for peak in (8.0, 17.0):
        rate = rate + np.exp(-(((day - peak) / 1.5) ** 2))
    return rate


def _bursts(
    seconds: NDArray[np.float64], burstiness: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Busy and idle minutes: a factor of mean 1 and variance `burstiness`."""
    block = (seconds // BURST_SECONDS).astype(np.int64)
    if burstiness == 0:
        return np.ones(len(seconds))
    factors = rng.gamma(1 / burstiness, burstiness, int(block[-1]) + 1)
    rate: NDArray[np.float64] = np.take(np.maximum(factors, 1e-3), block)
    return rate


def _gaps(
    rate: NDArray[np.float64], visits: int, empty: int, least: int, rng: np.random.Generator
) -> list[int]:
    """Frames of background before each visit and behind the last: `empty` of them in all.

    A gap too short for background of its own, `least`, is left to the next one.
    """
    total = np.concatenate([[0.0], np.cumsum(rate)])
    arrivals = np.interp(
        rng.uniform(0, total[-1], visits), total, np.linspace(0, empty, len(total))
    )
    edges = np.concatenate([[0], np.sort(arrivals.astype(np.int64)), [empty]])
    for i in range(1, len(edges) - 1):
        if edges[i] - edges[i - 1] < least:
            edges[i] = edges[i - 1]
    for i in range(len(edges) - 2, 0, -1):
        if empty - edges[i] >= least:
            break
        edges[i] = empty
    return [int(gap) for gap in np.diff(edges)]


def _background(moments: Moments, frames: int, rng: np.random.Generator) -> Iterator[Span]:
    """Pieces of real background, `frames` in all, none shorter than two fades."""
    least = 2 * moments.fade
    lengths = np.array([span.frames for span in moments.empties])
    while frames:
        span = moments.empties[rng.choice(len(lengths), p=lengths / lengths.sum())]
        start = int(rng.integers(span.start, span.stop - least + 1))
        length = min(span.stop - start, frames)
        if 0 < frames - length < least:
            length = frames - least
        if length >= least:
            yield Span(start, start + length)
            frames -= length


def _joined(
    pieces: list[Span], fade: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The pieces one after the other; each fades in over the frames that follow the one before."""
    source = np.concatenate([np.arange(piece.start, piece.stop) for piece in pieces])
    fading = np.full(len(source), -1)
    weight = np.full(len(source), 256)
    at = 0
    for before in pieces[:-1]:
        at += before.frames
        fading[at : at + fade] = np.arange(before.stop, before.stop + fade)
        weight[at : at + fade] = np.arange(1, fade + 1) * 256 // (fade + 1)
    return source, fading, weight


def _light(
    seconds: NDArray[np.float64], hours: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Day and night, and slow drift as clouds bring it."""
    hour = hours % 24
    after_dawn, before_dusk = (
        1 / (1 + np.exp(-x * 4 / DUSK_HOURS)) for x in (hour - DAWN_HOUR, SUNSET_HOUR - hour)
    )
    phases = [seconds / 60 / minutes + rng.uniform() for minutes in DRIFT_MINUTES]
    drift = np.sin(2 * np.pi * np.array(phases)).sum(axis=0) / np.sqrt(len(DRIFT_MINUTES))
    light: NDArray[np.float64] = NIGHT_LIGHT + (1 - NIGHT_LIGHT) * after_dawn * before_dusk
    light *= 1 + DRIFT * drift
    return light


def _disturbed_light(
    seconds: NDArray[np.float64], disturbances: Disturbances, rng: np.random.Generator
) -> NDArray[np.float64]:
    light = np.ones(len(seconds))
    for start in _moments_of(disturbances.exposure_steps, seconds, rng):
        light[start:] = rng.uniform(1 - EXPOSURE_STEP, 1 + EXPOSURE_STEP)
    for start in _moments_of(disturbances.lights_off, seconds, rng):
        off = (seconds >= seconds[start]) & (seconds < seconds[start] + LIGHTS_OFF_SECONDS)
        light[off] *= LIGHTS_OFF
    return light


def _shifts(
    seconds: NDArray[np.float64], jolts: float, scale: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Where the camera points, in pixels of the picture that have a chroma sample of their own."""
    shift = np.zeros((len(seconds), 2))
    for start in _moments_of(jolts, seconds, rng):
        away = rng.uniform(3, 12, 2) * rng.choice([-1, 1], 2)
        since = seconds[start:] - seconds[start]
        swing = np.exp(-4 * since) * np.cos(2 * np.pi * 5 * since)
        shift[start:] = away * (1 + swing[:, None])
    return 2 * np.rint(shift * scale / 2).astype(np.int64)


def _moments_of(
    per_hour: float, seconds: NDArray[np.float64], rng: np.random.Generator
) -> list[int]:
    """When something happens, as numbers of pictures: at least once where it happens at all."""
    times = max(round(per_hour * seconds[-1] / 3600), per_hour > 0)
    return sorted(rng.integers(len(seconds) // 10, len(seconds), times).tolist())
