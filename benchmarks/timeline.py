"""Footage as a plan: which moment of the clip is shown when, in which light, from where.

Everything is drawn from one seed, before a single picture is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.moments import LEAST_VISIT_SECONDS, Moments, Span, Visit

DAWN_HOUR, SUNSET_HOUR = 6.25, 17.75
DUSK_HOURS = 0.12
"""How long the light takes to fall; a camera's exposure hides most of a real dusk."""
NIGHT_LIGHT = 0.6
DRIFT = 0.04
DRIFT_MINUTES = (3.0, 11.0, 37.0)
DUSK_PLACE = 0.1, 0.9
"""Where in the footage dusk may fall."""
BURST_SECONDS = 180
DWELL_SECONDS = 20
"""Mean time between two cross-fades in the background: about as long as visits go without one, so
that a fade says little about what it fades to."""
TURN = 0.6
"""What does not leave the clip by itself turns back after such a share of its way, or later."""
MOST_VISITING = 0.97
TRIALS = 12
TOLERANCE = 0.02
"""Of the positive frames; after all trials five times as much has to do."""
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
    """A time line of `frames` pictures, a share `presence` of them positive.

    Raises ValueError where the clip's visits hold too few positive frames for that, or its
    background too many.
    """
    seconds = np.arange(frames) / float(moments.fps)
    chance = np.random.default_rng([seed, 0])
    hours = SUNSET_HOUR + (seconds - chance.uniform(*DUSK_PLACE) * seconds[-1]) / 3600
    rate = _rate(hours) * _bursts(seconds, burstiness, chance)
    pieces, visits = _pieces(moments, rate, presence, seed)
    source, fading, weight = _joined(pieces, moments.fade)
    chance = np.random.default_rng([seed, 1])
    light = _light(seconds, hours, chance) * _disturbed_light(seconds, disturbances, chance)
    shift = _shifts(seconds, disturbances.jolts, rows / JOLT_ROWS, chance)
    return Timeline(source, fading, weight, light, shift, visits)


def _pieces(
    moments: Moments, rate: NDArray[np.float64], presence: float, seed: int
) -> tuple[list[Path], tuple[Span, ...]]:
    """What is shown, piece by piece, and where in it the visits are.

    The network flickers in the background as well, how often depends on what is shown of it: so the
    visits are chosen again until the whole has its share of positive frames.
    """
    frames, wanted = len(rate), round(presence * len(rate))
    of_visits = wanted
    near = max(TOLERANCE * wanted, LEAST_VISIT_SECONDS * moments.fps)
    best, found = 1 + 5 * near, None
    for _ in range(TRIALS):
        chance = np.random.default_rng([seed, 2])
        chosen = _choose_visits(moments, of_visits, frames, chance)
        pieces, visits = _arrange(moments, chosen, rate, chance)
        excess = int(sum(moments.positive[piece.shown].sum() for piece in pieces)) - wanted
        if abs(excess) < best:
            best, found = abs(excess), (pieces, visits)
        if best <= near:
            break
        of_visits = max(of_visits - excess, 1)
    if found is None:
        raise ValueError(
            f"a presence of {presence:.2%} cannot be had: the background alone has about that much"
        )
    return found


def _arrange(
    moments: Moments, chosen: list[Path], rate: NDArray[np.float64], chance: np.random.Generator
) -> tuple[list[Path], tuple[Span, ...]]:
    """The visits with background in between, and where they are."""
    least = 2 * moments.fade
    empty = len(rate) - sum(map(len, chosen))
    if empty < least or not moments.empties:
        raise ValueError("there is too little background")
    pieces: list[Path] = []
    visits: list[Span] = []
    at = 0
    for i, gap in enumerate(_gaps(rate, len(chosen), empty, least, chance)):
        pieces += _background(moments, gap, chance)
        at += gap
        if i < len(chosen):
            pieces.append(chosen[i])
            visits.append(Span(at, at + len(chosen[i])))
            at += len(chosen[i])
    return pieces, tuple(visits)


@dataclass(frozen=True)
class Path:
    """A way through the clip: the frames `shown`, and those `behind` them to fade out over."""

    shown: NDArray[np.int64]
    behind: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.shown)


def _visit(visit: Visit, turn: int | None, fade: int) -> Path:
    """A visit from its beginning to its end, or to frame `turn` and back."""
    if turn is None:
        return Path(np.arange(visit.start, visit.stop), np.arange(visit.stop, visit.stop + fade))
    back = np.arange(turn - 1, visit.start - fade - 1, -1)
    there = np.arange(visit.start, turn + 1)
    return Path(np.concatenate([there, back[:-fade]]), back[-fade:])


def _choose_visits(
    moments: Moments, positives: int, frames: int, chance: np.random.Generator
) -> list[Path]:
    """Visits with so many positive frames, in any order.

    All come equally often. What stays in view turns back somewhere, and so does the last one, where
    only a part of it is needed.
    """
    # Where the object is to be seen often, visits in which the network sees it seldom are left out.
    pool = sorted(moments.visits, key=lambda visit: moments.positives(visit) / visit.frames)
    while pool and positives * _share(moments, pool) > MOST_VISITING * frames:
        del pool[0]
    if not pool:
        raise ValueError(f"visits cannot hold {positives:,} positive frames of {frames:,}")
    chosen: list[Path] = []
    while positives > 0:
        for i in chance.permutation(len(pool)):
            path = _drawn(moments, pool[i], chance)
            seen = int(moments.positive[path.shown].sum())
            if seen > positives:
                if positives >= LEAST_VISIT_SECONDS * moments.fps or not chosen:
                    chosen.append(_cut(moments, pool[i], positives))
                positives = 0
                break
            chosen.append(path)
            positives -= seen
    return [chosen[i] for i in chance.permutation(len(chosen))]


def _drawn(moments: Moments, visit: Visit, chance: np.random.Generator) -> Path:
    if not visit.stays:
        return _visit(visit, None, moments.fade)
    seen = visit.start + np.flatnonzero(moments.positive[visit.start : visit.stop])
    turn = int(seen[int(chance.uniform(TURN, 1) * (len(seen) - 1))])
    return _visit(visit, turn, moments.fade)


def _cut(moments: Moments, visit: Visit, positives: int) -> Path:
    """A visit that turns back when it has had half of its positive frames."""
    seen = visit.start + np.flatnonzero(moments.positive[visit.start : visit.stop])
    turn = int(seen[min(positives // 2, len(seen) - 1)])
    return _visit(visit, turn, moments.fade)


def _share(moments: Moments, pool: list[Visit]) -> float:
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
    seconds: NDArray[np.float64], burstiness: float, chance: np.random.Generator
) -> NDArray[np.float64]:
    """Busy and idle minutes: a factor of mean 1 and variance `burstiness`."""
    block = (seconds // BURST_SECONDS).astype(np.int64)
    if burstiness == 0:
        return np.ones(len(seconds))
    factors = chance.gamma(1 / burstiness, burstiness, int(block[-1]) + 1)
    rate: NDArray[np.float64] = np.take(np.maximum(factors, 1e-3), block)
    return rate


def _gaps(
    rate: NDArray[np.float64], visits: int, empty: int, least: int, chance: np.random.Generator
) -> list[int]:
    """Frames of background before each visit and behind the last: `empty` of them in all.

    A gap too short for background of its own, `least`, is left to the next one.
    """
    total = np.concatenate([[0.0], np.cumsum(rate)])
    arrivals = np.interp(
        chance.uniform(0, total[-1], visits), total, np.linspace(0, empty, len(total))
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


def _background(moments: Moments, frames: int, chance: np.random.Generator) -> Iterator[Path]:
    """Pieces of real background, `frames` in all, each played to and fro between its ends."""
    least = 2 * moments.fade
    lengths = np.array([span.frames for span in moments.empties])
    while frames:
        span = moments.empties[chance.choice(len(lengths), p=lengths / lengths.sum())]
        length = max(int(chance.exponential(DWELL_SECONDS * float(moments.fps))), least)
        if frames - length < least:
            length = frames
        period = 2 * (span.frames - 1)
        phase = (chance.integers(period) + np.arange(length + moments.fade)) % period
        walk = span.start + np.minimum(phase, period - phase)
        yield Path(walk[:length], walk[length:])
        frames -= length


def _joined(
    pieces: list[Path], fade: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The pieces one after the other; each fades in over the frames that follow the one before."""
    source = np.concatenate([piece.shown for piece in pieces])
    fading = np.full(len(source), -1)
    weight = np.full(len(source), 256)
    at = 0
    for before in pieces[:-1]:
        at += len(before)
        fading[at : at + fade] = before.behind
        weight[at : at + fade] = np.arange(1, fade + 1) * 256 // (fade + 1)
    return source, fading, weight


def _light(
    seconds: NDArray[np.float64], hours: NDArray[np.float64], chance: np.random.Generator
) -> NDArray[np.float64]:
    """Day and night, and slow drift as clouds bring it."""
    hour = hours % 24
    after_dawn, before_dusk = (
        1 / (1 + np.exp(-x * 4 / DUSK_HOURS)) for x in (hour - DAWN_HOUR, SUNSET_HOUR - hour)
    )
    phases = [seconds / 60 / minutes + chance.uniform() for minutes in DRIFT_MINUTES]
    drift = np.sin(2 * np.pi * np.array(phases)).sum(axis=0) / np.sqrt(len(DRIFT_MINUTES))
    light: NDArray[np.float64] = NIGHT_LIGHT + (1 - NIGHT_LIGHT) * after_dawn * before_dusk
    light *= 1 + DRIFT * drift
    return light


def _disturbed_light(
    seconds: NDArray[np.float64], disturbances: Disturbances, chance: np.random.Generator
) -> NDArray[np.float64]:
    light = np.ones(len(seconds))
    for start in _moments_of(disturbances.exposure_steps, seconds, chance):
        light[start:] = chance.uniform(1 - EXPOSURE_STEP, 1 + EXPOSURE_STEP)
    for start in _moments_of(disturbances.lights_off, seconds, chance):
        off = (seconds >= seconds[start]) & (seconds < seconds[start] + LIGHTS_OFF_SECONDS)
        light[off] *= LIGHTS_OFF
    return light


def _shifts(
    seconds: NDArray[np.float64], jolts: float, scale: float, chance: np.random.Generator
) -> NDArray[np.int64]:
    """Where the camera points, in pixels of the picture that have a chroma sample of their own."""
    shift = np.zeros((len(seconds), 2))
    for start in _moments_of(jolts, seconds, chance):
        away = chance.uniform(3, 12, 2) * chance.choice([-1, 1], 2)
        since = seconds[start:] - seconds[start]
        swing = np.exp(-4 * since) * np.cos(2 * np.pi * 5 * since)
        shift[start:] = away * (1 + swing[:, None])
    return 2 * np.rint(shift * scale / 2).astype(np.int64)


def _moments_of(
    per_hour: float, seconds: NDArray[np.float64], chance: np.random.Generator
) -> list[int]:
    """When something happens, as numbers of pictures: at least once where it happens at all."""
    times = max(round(per_hour * seconds[-1] / 3600), int(per_hour > 0))
    return sorted(chance.integers(len(seconds) // 10, len(seconds), times).tolist())
