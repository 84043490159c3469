"""Time lines are real moments in a new order, as often as asked for, the same for a seed."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.moments import SCENES, Moments, find_moments, moments_of
from benchmarks.timeline import CALM, Disturbances, Timeline, lay_out

FPS = Fraction(10)


def moments(stays: bool = False) -> Moments:
    """Two visits; the last of them ends with the clip where it `stays`."""
    positive = np.zeros(280 if stays else 400, np.bool_)
    positive[100:150] = positive[250:280] = True
    return find_moments(positive, FPS)


def timeline(
    of: Moments | None = None,
    *,
    frames: int = 6000,
    presence: float = 0.1,
    burstiness: float = 0.5,
    disturbances: Disturbances = CALM,
    seed: int = 0,
) -> Timeline:
    return lay_out(
        of or moments(),
        frames=frames,
        presence=presence,
        burstiness=burstiness,
        disturbances=disturbances,
        rows=720,
        seed=seed,
    )


def same(one: Timeline, other: Timeline) -> bool:
    names = ("source", "fading", "weight", "light", "shift")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def test_a_seed_decides_everything() -> None:
    assert same(timeline(seed=3), timeline(seed=3))
    assert not same(timeline(seed=3), timeline(seed=4))


@settings(max_examples=60, deadline=None)
@given(
    frames=st.integers(1200, 20_000),
    presence=st.floats(0.005, 0.5),
    burstiness=st.sampled_from([0.0, 0.5, 3.0]),
    stays=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_it_is_made_of_moments(
    frames: int, presence: float, burstiness: float, stays: bool, seed: int
) -> None:
    of = moments(stays)
    line = timeline(of, frames=frames, presence=presence, burstiness=burstiness, seed=seed)
    assert {len(getattr(line, name)) for name in ("source", "fading", "light")} == {frames}
    visiting = np.zeros(frames, np.bool_)
    for visit in line.visits:
        visiting[visit.start : visit.stop] = True
        # A visit begins at its beginning, and is shown without a break, perhaps to and fro.
        source = line.source[visit.start : visit.stop]
        assert source[0] in {span.start for span in of.visits}
        assert (np.abs(np.diff(source)) == 1).all()
        assert (np.diff(source) < 0).any() or source[-1] + 1 in {s.stop for s in of.visits}
    background = np.unique(line.source[~visiting])
    assert all(any(s.start <= x < s.stop for s in of.empties) for x in background.tolist())
    # Wherever the clip's time jumps, the old moment goes on below the new one and fades out.
    fading = line.fading >= 0
    begins = np.flatnonzero(np.diff(fading.astype(int), prepend=0) == 1)
    jumps = np.flatnonzero(np.abs(np.diff(line.source)) > 1) + 1
    assert fading[jumps].all()
    assert (line.weight[begins] < 128).all()
    assert (np.abs(line.fading[begins] - line.source[begins - 1]) == 1).all()
    assert line.fading[fading].min() >= 0
    assert line.fading.max() < len(of.positive)
    # Nobody dissolves: no frame that fades out, and none that fades in at an edge, has the object.
    assert not of.positive[line.fading[fading]].any()


@pytest.mark.parametrize(
    ("scene", "presence"),
    [
        *((scene, presence) for scene in ("person", "bus") for presence in (0.001, 0.01, 0.02)),
        *((scene, presence) for scene in SCENES for presence in (0.05, 0.1, 0.15, 0.5)),
    ],
)
def test_presence_is_what_was_asked_for(scene: str, presence: float) -> None:
    of = moments_of(scene)
    line = timeline(of, frames=36_000, presence=presence)
    assert of.positive[line.source].mean() == pytest.approx(presence, rel=0.03, abs=1e-4)


def test_where_the_background_has_more_it_is_refused() -> None:
    with pytest.raises(ValueError, match="the background alone"):
        timeline(moments_of("truck"), frames=36_000, presence=0.01)


def test_fades_do_not_tell_of_visits() -> None:
    line = timeline(frames=36_000, presence=0.1)
    begins = np.diff((line.fading >= 0).astype(int), prepend=0) == 1
    at_visits = sum(begins[v.start] + begins[min(v.stop, 35_999)] for v in line.visits)
    assert at_visits < 0.5 * begins.sum()
    assert (line.fading >= 0).mean() < 0.08


def test_all_of_the_background_is_shown() -> None:
    of = moments()
    line = timeline(of, frames=36_000, presence=0.01)
    shown = np.bincount(line.source, minlength=len(of.positive))
    for span in of.empties:
        inner = shown[span.start + 1 : span.stop - 1]
        assert inner.min() > 0.3 * inner.mean()


def test_too_much_of_an_object_is_refused() -> None:
    positive = np.zeros(400, np.bool_)
    positive[100:200:2] = True  # seen in every second frame of its visit
    with pytest.raises(ValueError, match="cannot hold"):
        timeline(find_moments(positive, FPS), presence=0.5)


def test_arrivals_come_in_bursts_where_asked_for() -> None:
    def spread(burstiness: float) -> float:
        counts = []
        for seed in range(20):
            line = timeline(frames=36_000, presence=0.1, burstiness=burstiness, seed=seed)
            starts = np.array([visit.start for visit in line.visits])
            counts.append(np.bincount(starts // 1800, minlength=20))
        return float(np.var(counts) / np.mean(counts))

    assert spread(3.0) > 1.5 * spread(0.0)


def test_arrivals_follow_the_day() -> None:
    line = timeline(moments(), frames=24 * 36_000, presence=0.05, burstiness=0.0)
    night = line.light < 0.8
    starts = np.array([visit.start for visit in line.visits])
    assert 0.4 < night.mean() < 0.6
    assert (~night[starts]).sum() > 1.5 * night[starts].sum()


def test_dusk_falls_somewhere_and_the_light_drifts_slowly() -> None:
    places = []
    for seed in range(12):
        light = timeline(frames=36_000, seed=seed).light
        assert np.abs(np.diff(light)).max() < 2e-3
        assert light[:1000].mean() > 1.2 * light[-1000:].mean()
        places.append(int(np.argmax(light < 0.8)) / 36_000)
    assert min(places) < 0.35
    assert max(places) > 0.65


def test_nothing_disturbs_unless_asked_for() -> None:
    assert not timeline().shift.any()


@pytest.mark.parametrize("name", ["jolts", "exposure_steps", "lights_off"])
@pytest.mark.parametrize("frames", [1200, 6000])
def test_what_happens_seldom_happens_once(name: str, frames: int) -> None:
    line = timeline(frames=frames, disturbances=Disturbances(**{name: 1}))
    assert line.shift.any() or np.abs(np.diff(line.light)).max() > 0.01


def test_disturbances() -> None:
    calm = timeline(frames=36_000)
    bumped = timeline(frames=36_000, disturbances=Disturbances(jolts=3))
    moved = bumped.shift.any(axis=1)
    assert 0.05 < moved.mean() < 1
    assert (bumped.shift % 2 == 0).all()
    assert 2 <= np.abs(bumped.shift[-1]).max() <= 14
    stepped = timeline(frames=36_000, disturbances=Disturbances(exposure_steps=4)).light
    assert ((np.abs(np.diff(stepped)) > 0.01).sum()) in (3, 4)
    dark = timeline(frames=36_000, disturbances=Disturbances(lights_off=1)).light / calm.light
    assert (dark < 0.3).sum() == pytest.approx(600, abs=2)
    # What disturbs the camera changes nothing about the visits.
    assert np.array_equal(calm.source, bumped.source)
