"""Labels and plans that queries leave behind."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from vqe.detections import Box, Detections
from vqe.storage.labels import LabelStore, QueryLabels
from vqe.storage.store import Store


def seen(*frames):
    """Detections of the frames: each a list of (label, score) whose box is at (score, score)."""
    flat = [(row, *one) for row, frame in enumerate(frames) for one in frame]
    return Detections(
        len(frames),
        np.array([row for row, _, _ in flat], np.int32),
        np.array([label for _, label, _ in flat], np.int16),
        np.array([score for _, _, score in flat], np.float32),
        np.array([[10 * s, 10 * s, 10 * s, 10 * s] for _, _, s in flat], np.float32).reshape(-1, 4),
    )


def best_score(store: LabelStore, label: int, region: Box | None = None):
    """The labelled frames, and the highest score of `label` in each."""
    return store.measure(lambda _, seen: seen.best_score(label, region))


def test_labels_come_back_in_frame_order():
    store = LabelStore(10**6)
    store.add(np.array([7, 9]), seen([(0, 0.9), (0, 0.3)], []))
    store.add(np.array([2, 8]), seen([(1, 0.6)], [(0, 0.5), (1, 0.7)]))
    frames, score = best_score(store, 0)
    assert frames.tolist() == [2, 7, 8, 9]
    np.testing.assert_allclose(score, [0, 0.9, 0.5, 0])
    np.testing.assert_allclose(best_score(store, 1)[1], [0.6, 0, 0.7, 0])
    np.testing.assert_allclose(best_score(store, 0, (0, 0, 4, 4))[1], [0, 0.3, 0, 0])


def test_an_empty_store_knows_no_frame():
    frames, score = best_score(LabelStore(10), 0)
    assert (frames.tolist(), score.tolist()) == ([], [])
    assert (frames.dtype, score.dtype) == (np.int64, np.float32)


def test_a_frame_labelled_twice_appears_once():
    store = LabelStore(10**6)
    store.add(np.array([3, 4]), seen([(0, 0.9)], []))
    store.add(np.array([4, 5]), seen([], [(0, 0.4)]))
    frames, score = best_score(store, 0)
    assert frames.tolist() == [3, 4, 5]
    np.testing.assert_allclose(score, [0.9, 0, 0.4])


def test_many_small_batches_are_few_parts():
    store = LabelStore(10**7)
    for frame in range(1000):
        store.add(np.array([frame]), seen([(frame % 2, 0.5)]))
    assert len(store._parts) <= 10
    frames, score = best_score(store, 1)
    assert frames.tolist() == list(range(1000))
    np.testing.assert_allclose(score, np.arange(1000) % 2 * 0.5)
    assert store.nbytes == sum(f.nbytes + s.nbytes for f, s in store._parts)


def test_a_full_store_keeps_what_it_has():
    store = LabelStore(quota_bytes=1)
    store.add(np.array([0]), seen([(0, 0.9)]))
    held = store.nbytes
    assert held > 1
    store.add(np.array([1]), seen([(0, 0.9)]))
    assert best_score(store, 0)[0].tolist() == [0]
    assert store.nbytes == held


def test_what_a_full_store_forgets_the_query_that_asked_remembers():
    full = LabelStore(quota_bytes=1)
    assert full.add(np.array([0]), seen([(0, 0.9)]))
    query = QueryLabels(full, quota_bytes=10**6)
    assert query.add(np.array([2, 1]), seen([(0, 0.5)], []))
    frames, score = best_score(query, 0)
    assert frames.tolist() == query.frames().tolist() == [0, 1, 2]
    np.testing.assert_allclose(score, [0.9, 0, 0.5])
    assert query.of(np.array([1, 2, 3]))[0].tolist() == [True, True, False]
    assert full.frames().tolist() == [0]
    assert not QueryLabels(full, quota_bytes=0).add(np.array([3]), seen([]))


def test_a_query_leaves_its_labels_to_later_ones():
    store = Store()
    query = QueryLabels(store.labels("video", "model"), quota_bytes=10**6)
    query.add(np.array([4]), seen([(0, 0.9)]))
    assert store.labels("video", "model").frames().tolist() == [4]


def test_threads_may_add_and_look_up():
    store = LabelStore(10**8)

    def add(first):
        for i in range(200):
            store.add(np.array([first + i]), seen([(0, 0.5)]))
            frames, score = best_score(store, 0)
            assert len(frames) == len(score)

    threads = [threading.Thread(target=add, args=(1000 * i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(best_score(store, 0)[0]) == 600


def test_labels_are_kept_by_video_and_model():
    store = Store()
    store.labels("video", "model").add(np.array([1]), seen([]))
    assert best_score(store.labels("video", "model"), 0)[0].tolist() == [1]
    assert best_score(store.labels("video", "other"), 0)[0].tolist() == []
    assert best_score(store.labels("other", "model"), 0)[0].tolist() == []


def test_labels_of_a_model_without_fingerprint_are_not_kept():
    store = Store()
    store.labels("video", None).add(np.array([1]), seen([]))
    assert best_score(store.labels("video", None), 0)[0].tolist() == []


def test_the_least_recently_used_labels_go_first():
    size = LabelStore(10**6)
    size.add(np.arange(100), seen(*[[(0, 0.5)]] * 100))
    store = Store(quota_bytes=int(2.5 * size.nbytes))
    for video in "abc":
        store.labels("a", "m")  # used again and again
        store.labels(video, "m").add(np.arange(100), seen(*[[(0, 0.5)]] * 100))
    store.labels("a", "m")
    kept = {video: len(best_score(store.labels(video, "m"), 0)[0]) for video in "ac"}
    assert kept == {"a": 100, "c": 100}
    assert len(best_score(store.labels("b", "m"), 0)[0]) == 0


def test_plans():
    store = Store()
    assert store.plans.get(("question", 1)) is None
    store.plans.keep(("question", 1), "first")
    store.plans.keep(("question", 1), "second")
    store.plans.keep(("question", 2), "other")
    assert store.plans.get(("question", 1)) == "second"


@pytest.mark.parametrize("quota", [0, 1])
def test_labels_in_use_survive_any_quota(quota):
    store = Store(quota_bytes=quota)
    labels = store.labels("video", "model")
    labels.add(np.array([1]), seen([]))
    assert store.labels("video", "model") is labels
