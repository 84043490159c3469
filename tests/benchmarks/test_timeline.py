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


def moments() -> Moments:
    positive = np.zeros(400, np.bool_)
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
    frames=st.integers(600, 20_000),
    presence=st.floats(0.001, 0.5),
    burstiness=st.sampled_from([0.0, 0.5, 3.0]),
    seed=st.integers(0, 2**32),
)
def test_it_is_made_of_moments(frames: int, presence: float, burstiness: float, seed: int) -> None:
    of = moments()
    line = timeline(of, frames=frames, presence=presence, burstiness=burstiness, seed=seed)
    assert {len(getattr(line, name)) for name in ("source", "fading", "light")} == {frames}
    visiting = np.zeros(frames, np.bool_)
    for visit in line.visits:
        visiting[visit.start : visit.stop] = True
        # A visit is shown from its beginning, without a break.
        source = line.source[visit.start : visit.stop]
        assert np.array_equal(source, source[0] + np.arange(visit.frames))
        assert source[0] in {span.start for span in of.visits}
    background = np.unique(line.source[~visiting])
    assert all(any(s.start <= x < s.stop for s in of.empties) for x in background.tolist())
    # Wherever the clip's time jumps, the old moment goes on below the new one and fades out.
    jumps = np.flatnonzero(np.diff(line.source) != 1) + 1
    for jump in jumps.tolist():
        fading = line.fading[jump : jump + of.fade]
        assert np.array_equal(fading, line.source[jump - 1] + 1 + np.arange(of.fade))
        assert (np.diff(line.weight[jump : jump + of.fade]) > 0).all()
        assert 0 < line.weight[jump] < 256
    assert (line.fading >= 0).sum() == len(jumps) * of.fade
    assert line.fading.max() < len(of.positive)


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("presence", [0.05, 0.1, 0.5])
def test_presence_is_about_what_was_asked_for(scene: str, presence: float) -> None:
    of = moments_of(scene)
    if presence < 2 * of.flicker:
        pytest.skip("the network flickers as often in this scene's background")
    line = timeline(of, frames=36_000, presence=presence)
    assert of.positive[line.source].mean() == pytest.approx(presence, rel=0.35)


@pytest.mark.parametrize("presence", [0.001, 0.002, 0.01])
def test_a_rare_object_gets_a_short_visit(presence: float) -> None:
    line = timeline(frames=36_000, presence=presence)
    assert moments().positive[line.source].mean() == pytest.approx(presence, abs=5e-4)


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
    # The day ends in the evening: with 24 hours, sunset lies at 60 % of the footage.
    hours = (17.75 - 0.6 * 24 + np.array([v.start for v in line.visits]) / 36_000) % 24
    day = ((hours > 7) & (hours < 20)).sum() / 13
    night = ((hours < 5) | (hours > 22)).sum() / 7
    assert day > 3 * night


def test_the_light_falls_at_dusk_and_drifts_slowly() -> None:
    light = timeline(frames=36_000).light
    assert light[:6000].mean() > 1.3 * light[-6000:].mean()
    assert np.abs(np.diff(light)).max() < 1e-3


def test_nothing_disturbs_unless_asked_for() -> None:
    assert not timeline().shift.any()


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
