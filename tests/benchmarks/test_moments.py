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
    # Margins of 0.75 s belong to the visit.
    assert (visit.start, visit.stop) == pytest.approx((92, 158), abs=2)
    assert not visit.stays
    assert (before.start, before.stop) == pytest.approx((0, 97), abs=4)
    assert (after.start, after.stop) == pytest.approx((153, 300), abs=4)
    assert moments.positives(visit) == 50
    assert moments.positives(before) == moments.positives(after) == 0


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
    assert sum(moments.positives(span) for span in moments.empties) == 5


def test_first_and_last_sights_are_no_background() -> None:
    moments = find_moments(seen(300, (84, 85), (91, 93), (100, 150), (157, 158)), FPS)
    before, after = moments.empties
    assert before.stop <= 84
    assert after.start >= 158


@pytest.mark.parametrize(("start", "stays"), [(240, True), (150, False)])
def test_what_is_in_view_to_the_end_stays(start: int, stays: bool) -> None:
    (visit,) = find_moments(seen(300, (start, start + 60)), FPS).visits
    assert visit.stays is stays


def test_what_was_there_from_the_beginning_is_no_visit() -> None:
    assert not find_moments(seen(300, (0, 60)), FPS).visits


@pytest.mark.parametrize("first", [70, 90, 95])
def test_nothing_is_in_view_while_a_visit_is_faded(first: int) -> None:
    moments = find_moments(seen(300, (first, first + 2), (100, 150), (160, 161)), FPS)
    for visit in moments.visits:
        fade = moments.fade
        assert not moments.positive[visit.start - fade : visit.start + fade].any()
        if not visit.stays:
            assert not moments.positive[visit.stop : visit.stop + fade].any()


@pytest.mark.parametrize("scene", SCENES)
def test_the_scenes_offer_what_footage_needs(scene: str) -> None:
    moments = moments_of(scene)
    n = len(moments.positive)
    assert (seen_in(scene)["clip"], seen_in(scene)["label"]) == (
        SCENES[scene].clip,
        SCENES[scene].label,
    )
    assert moments.visits
    for visit in moments.visits:
        around = moments.positive[visit.start - moments.fade : visit.start + moments.fade]
        assert len(around) == 2 * moments.fade
        assert not around.any()
        behind = moments.positive[visit.stop : visit.stop + moments.fade]
        assert visit.stays or (len(behind) == moments.fade and not behind.any())
        assert moments.positives(visit) > 0.4 * visit.frames
    for span in moments.empties:
        assert 0 <= span.start < span.stop <= n
        assert span.frames >= 2 * moments.fade
        assert moments.positives(span) < 0.1 * span.frames
