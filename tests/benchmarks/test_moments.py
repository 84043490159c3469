"""Clips are divided into visits and background as the reference network saw them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from benchmarks.moments import SCENES, find_moments, moments_of, seen_in

FPS = Fraction(10)


def seen(n: int, *spans: tuple[int, int]):
    positive = np.zeros(n, np.bool_)
    for start, stop in spans:
        positive[start:stop] = True
    return positive


def test_a_visit_with_background_on_both_sides() -> None:
    moments = find_moments(seen(300, (100, 150)), FPS)
    (visit,) = moments.visits
    before, after = moments.empties
    # Margins of 0.75 s belong to the visit; half a second is kept for fading out of a background.
    assert (visit.start, visit.stop) == pytest.approx((92, 158), abs=2)
    assert (before.start, before.stop) == pytest.approx((0, 87), abs=2)
    assert (after.start, after.stop) == pytest.approx((158, 295), abs=2)
    assert moments.positives(visit) == 50
    assert moments.flicker == 0


def test_flicker_within_a_visit_does_not_divide_it() -> None:
    positive = seen(300, (100, 150))
    positive[120:124] = False
    positive[133] = False
    (visit,) = find_moments(positive, FPS).visits
    assert visit.start < 100
    assert visit.stop > 150


def test_flicker_in_the_background_is_background() -> None:
    moments = find_moments(seen(300, (20, 22), (50, 51), (100, 150), (250, 252)), FPS)
    assert len(moments.visits) == 1
    shown = sum(moments.positives(span) for span in moments.empties)
    assert shown == 5
    assert moments.flicker == shown / sum(span.frames for span in moments.empties)


@pytest.mark.parametrize("start", [0, 250])
def test_visits_at_the_ends_of_a_clip(start: int) -> None:
    moments = find_moments(seen(300, (start, start + 50)), FPS)
    (visit,) = moments.visits
    assert visit.start >= 0
    assert visit.stop + moments.fade <= 300


@pytest.mark.parametrize("scene", SCENES)
def test_the_scenes_offer_what_footage_needs(scene: str) -> None:
    moments = moments_of(scene)
    n = len(moments.positive)
    assert (seen_in(scene)["clip"], seen_in(scene)["label"]) == (
        SCENES[scene].clip,
        SCENES[scene].label,
    )
    assert moments.visits
    for span in (*moments.visits, *moments.empties):
        assert 0 <= span.start < span.stop <= n - moments.fade
        assert span.frames >= 2 * moments.fade
    assert moments.flicker < 0.05
    for visit in moments.visits:
        assert moments.positives(visit) > 3 * moments.flicker * visit.frames
        for empty in moments.empties:
            assert visit.stop <= empty.start or empty.stop <= visit.start
