"""The demo's footage: what its detector must see in it."""

from __future__ import annotations

import importlib
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vqe.models.load import load_reference

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def footage(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(EXAMPLES)
    return importlib.import_module("footage")


def test_visits_are_apart_inside_the_picture_and_not_too_many(footage: Any) -> None:
    visits = footage.plan_visits(np.random.default_rng(footage.SEED))
    assert all(a.stop < b.start for a, b in itertools.pairwise(visits))
    for visit in visits:
        height, width = visit.alpha.shape[:2]
        age = visit.stop - visit.start
        for x, y in ((visit.x, visit.y), (visit.x + visit.dx * age, visit.y + visit.dy * age)):
            assert 0 <= x <= footage.WIDTH - width
            assert 0 <= y <= footage.HEIGHT - height
    cat_frames = sum(visit.stop - visit.start for visit in visits if visit.is_cat)
    assert 0.15 < cat_frames / (footage.SECONDS * footage.FPS) < 0.25


def test_the_same_seed_gives_the_same_pictures(footage: Any) -> None:
    one, two = (list(itertools.islice(footage.compose(3), 3)) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_the_footage_is_made_once(
    footage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        footage, "compose", lambda _: iter([np.zeros((720, 1280, 3), np.uint8)] * 9)
    )
    path = footage.footage(tmp_path / "new")
    assert path.stat().st_size > 0
    monkeypatch.setattr(footage, "compose", None)
    assert footage.footage(tmp_path / "new") == path
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.slow
def test_the_detector_sees_the_cats_and_nothing_else(footage: Any) -> None:
    visits = footage.plan_visits(np.random.default_rng(footage.SEED))
    empty = [(a.stop + b.start) // 2 for a, b in itertools.pairwise(visits)]
    middle = [(visit.start + visit.stop) // 2 for visit in visits]
    edges = [frame for v in visits for frame in (v.start + 1, v.stop - 2) if v.is_cat]
    wanted = np.array(sorted([*empty, *middle, *edges]))
    pictures = [
        picture[..., ::-1]
        for frame, picture in enumerate(footage.compose(footage.SEED))
        if frame in wanted
    ]
    detector = load_reference(importlib.import_module("demo").detector())
    score = detector.detect(pictures).best_score(detector.labels.index("cat"))
    present = np.zeros(footage.SECONDS * footage.FPS, bool)
    for visit in visits:
        present[visit.start : visit.stop] = visit.is_cat
    np.testing.assert_array_equal(score > 0.6, present[wanted])
