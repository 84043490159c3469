"""The cascade is set up and run as NoScope's released code would do it."""

from __future__ import annotations

import warnings
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
import torch
from clips import Visit, make_clip

from benchmarks import noscope_released
from benchmarks.noscope_detectors import (
    Detector,
    block_errors,
    features,
    reference_frame,
    shrinker,
    train_detectors,
)
from benchmarks.noscope_networks import SHAPES, Network, Shape, build, train
from benchmarks.noscope_released import Cascade, cheapest, hold, labelled_frames, run
from benchmarks.noscope_search import search
from benchmarks.systems import Task, errors, window_truth
from vqe.models.threads import torch_threads
from vqe.video.frames import FrameBatch
from vqe.video.indexing import build_index


def random_frames(n: int, size: int, seed: int = 0):
    return np.random.default_rng(seed).integers(0, 256, (n, 3, size, size), np.uint8)


def test_resizing_takes_the_nearest_pixels() -> None:
    # Colours that occur in the picture nowhere but at every fourth pixel in both directions.
    picture = np.zeros((400, 400, 3), np.uint8)
    picture[...] = np.arange(400)[:, None, None] // 4 + np.arange(400)[None, :, None] // 4
    picture[..., 1] += 20
    image = av.VideoFrame.from_ndarray(picture, format="rgb24")
    image.pts, image.time_base = 0, Fraction(1, 10)
    small = shrinker((50, 100))(FrameBatch(np.array([7]), (image,), 0))
    np.testing.assert_array_equal(small.ordinals, [7])
    place = np.arange(100)
    expected = np.stack([place[:, None] + place + 20 * (c == 1) for c in range(3)])
    np.testing.assert_array_equal(small.frames[100][0], expected)
    assert small.frames[50].shape == (1, 3, 50, 50)
    assert small.nbytes == 3 * (50 * 50 + 100 * 100)
    # An average would lie between the two values of a fine chequerboard.
    board = np.indices((400, 400)).sum(axis=0) % 2 * 255
    fine = av.VideoFrame.from_ndarray(np.repeat(board[..., None], 3, 2).astype(np.uint8), "rgb24")
    small = shrinker((50,))(FrameBatch(np.array([0]), (fine,), 0))
    assert set(np.unique(small.frames[50])) <= {0, 255}


@pytest.mark.parametrize("size", [50, 100])
def test_block_errors_against_numpy(size: int) -> None:
    frames, others = random_frames(4, size), random_frames(4, size, seed=1)
    squares = (frames.astype(float) - others) ** 2
    side = size // 10
    expected = squares.reshape(4, 3, 10, side, 10, side).mean(axis=(3, 5))
    np.testing.assert_allclose(block_errors(frames, others), expected)
    to_one = block_errors(frames, others[2])
    np.testing.assert_allclose(to_one[2], expected[2])
    # More frames than are compared in one call, some of them not next to one another in memory.
    many = random_frames(280, size)[::2]
    one_by_one = [block_errors(many[i : i + 1], others[2])[0] for i in range(140)]
    np.testing.assert_array_equal(block_errors(many, others[2], 2), one_by_one)
    np.testing.assert_array_equal(block_errors(many, np.stack([others[2]] * 140), 2), one_by_one)
    assert block_errors(many[:0], others[2]).shape == block_errors(many[:0], many[:0]).shape
    assert features(expected, 10).shape == (4, 300)
    side = size // 5
    five = squares.reshape(4, 3, 5, side, 5, side).mean(axis=(3, 5))
    np.testing.assert_allclose(features(expected, 5), five.reshape(4, 75))
    detector = Detector(size, None, None)
    distances = detector.distances(frames)
    assert distances[0] == np.inf
    steps = (frames[1:].astype(float) - frames[:-1]) ** 2
    np.testing.assert_allclose(distances[1:], steps.mean(axis=(1, 2, 3)))


def test_the_reference_image_is_the_last_of_sixty_empty_frames() -> None:
    labels = np.zeros(200, np.bool_)
    assert reference_frame(labels) == 59
    labels[59] = True
    assert reference_frame(labels) == 119
    labels[119] = True
    assert reference_frame(labels) == 179
    labels[179] = True
    assert reference_frame(labels) is None


@pytest.mark.slow
def test_the_grid_of_detectors() -> None:
    frames = {size: random_frames(130, size) for size in (50, 100)}
    labels = np.arange(130) >= 90
    detectors = train_detectors(frames, labels, seed=0)
    names = [detector.name for detector in detectors]
    assert len(set(names)) == len(names) == 16
    assert names.count("mse of 100×100, earlier frame") == 1
    assert "blocked mse 5×5 of 50×50, earlier frame, trained 30 frames apart" in names
    for detector in detectors:
        assert len(detector.distances(frames[detector.size][::30])) == 5
    without = train_detectors(frames, np.arange(130) % 40 == 0, seed=0)
    assert not [each.name for each in without if each.reference is not None]


def test_the_grid_of_networks() -> None:
    assert len(SHAPES) == 16
    net = build(Shape(2, 64, 128), torch.Generator().manual_seed(0))
    convolutions = [layer for layer in net if isinstance(layer, torch.nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == [64, 64, 128, 128]
    dense = [layer for layer in net if isinstance(layer, torch.nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in dense] == [
        (128 * 12 * 12, 128),
        (128, 1),
    ]


@pytest.mark.slow
def test_a_network_learns_what_is_easy() -> None:
    labels = np.arange(240) % 3 == 0
    frames = random_frames(240, 50) // 4
    frames[labels, :, 10:40, 10:40] += 150
    with torch_threads(2):
        network = train(Shape(1, 32, 32), frames, labels, seed=0, epochs=2)
        again = train(Shape(1, 32, 32), frames, labels, seed=0, epochs=2)
        scores = network.scores(frames)
    assert network.held_out == 48
    assert network.accuracy > 0.95
    assert ((scores > 0.5) == labels).mean() > 0.95
    assert again.accuracy == network.accuracy


def test_an_answer_holds_for_thirty_frames() -> None:
    answer = np.array([True, False, True])
    np.testing.assert_array_equal(hold(answer, 75), [True] * 30 + [False] * 30 + [True] * 15)
    assert [labelled_frames(n) for n in (100, 120, 1000, 10**6)] == [0, 30, 240, 99_990]


FRAMES = 1200
VISITS = (Visit(80, 150), Visit(200, 260), Visit(420, 540), Visit(700, 701), Visit(900, 1000))


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    path = tmp_path_factory.mktemp("noscope") / "a.mp4"
    clip = make_clip(path, FRAMES, fps=30, size=(96, 72), visits=VISITS, gop=60)
    return Task(build_index(str(path)), clip.present("bus"), call_seconds=0.25, threads=2, seed=3)


@pytest.mark.slow
def test_end_to_end(task: Task) -> None:
    done = run(task, quick=True)
    n, details = 300, done.details
    assert details["labelled_frames"] == n
    assert details["networks_tried"] == 2
    assert details["detectors_tried"] == 16
    assert details["kept_frames"] == 30
    np.testing.assert_array_equal(done.answer[:n], task.truth[:n])
    rest = done.answer[n:].reshape(-1, 30)
    assert (rest == rest[:, :1]).all()
    assert done.calls == n + details["undecided"]
    assert done.charged == done.calls * task.call_seconds
    assert list(done.phases) == [
        "index",
        "labelling decoding",
        "labelling",
        "training",
        "search",
        "scan decoding",
        "scan models",
        "scan reference",
    ]
    assert done.one_off == tuple(done.phases)[:5]
    assert done.phases["labelling"] == n * task.call_seconds
    assert done.phases["scan reference"] == details["undecided"] * task.call_seconds
    assert done.windows is not None
    assert len(done.windows) == FRAMES // 30
    np.testing.assert_array_equal(done.windows[:10], window_truth(task.truth)[:10])
    assert 0 < done.models_in_memory_seconds < 5
    assert done.in_memory_calls == details["undecided"]
    timed = done.timed(0.5)
    assert timed.in_memory_seconds == done.models_in_memory_seconds + 0.5 * details["undecided"]
    assert n + 30 <= done.decoded < FRAMES + 60
    assert details["labelled_fnr"] <= 0.005
    assert details["undecided"] <= details["passed_detector"] <= 30
    thresholds = details["thresholds"]
    assert thresholds["positives"] + thresholds["negatives"] == 10
    assert thresholds["lower"] <= thresholds["upper"]


@pytest.mark.parametrize("present", [False, True])
def test_without_examples_the_reference_network_does_it_all(task: Task, present: bool) -> None:
    truth = task.truth.copy()
    truth[:300] = present
    done = run(Task(task.index, truth, 0.25, task.threads, task.seed), quick=True)
    assert "no examples" in done.plan
    expected = truth.copy()
    expected[300:] = truth[300::30].repeat(30)
    np.testing.assert_array_equal(done.answer, expected)
    assert done.calls == 300 + 30
    assert "training" not in done.phases
    assert done.timed(0.2).in_memory_seconds == 30 * 0.2
    assert done.windows is not None
    np.testing.assert_array_equal(done.windows, window_truth(truth))
    found = errors(truth, done.answer, task.index.timestamps_us, done.windows)["window 28 of 30"]
    assert found["false_negatives"] == found["false_positives"] == 0


def test_a_cascade_that_is_right_has_no_errors_in_its_windows(task: Task, monkeypatch) -> None:
    truth = window_truth(task.truth)
    assert 0 < truth[10:].sum() < 30

    class Right(Cascade):
        def decide(self, small, threads=1):
            undecided = np.arange(30) % 2 == 0
            return truth[10:] & ~undecided, undecided, np.ones(30, np.bool_)

    def right(cascades):
        return Right(cascades[0].detector, cascades[0].network, cascades[0].thresholds)

    monkeypatch.setattr(noscope_released, "cheapest", right)
    monkeypatch.setattr(noscope_released, "QUICK_SHAPES", SHAPES[:1])
    monkeypatch.setattr(
        noscope_released, "train_detectors", lambda *_, **__: [Detector(50, None, None)]
    )
    done = run(task, quick=True)
    assert done.calls == 300 + 15
    np.testing.assert_array_equal(done.windows, truth)
    found = errors(task.truth, done.answer, task.index.timestamps_us, done.windows)
    assert found["window 28 of 30"] == {
        "true_positives": truth.sum(),
        "false_negatives": 0,
        "false_positives": 0,
        "true_negatives": (~truth).sum(),
    }


def test_a_network_of_its_own_device_works_beside_the_decoders(task: Task) -> None:
    truth = np.zeros_like(task.truth)  # nothing to learn from, so it does it all
    done = run(replace(task, truth=truth, overlaps=True, index_seconds=2.0), quick=True)
    assert list(done.phases) == [
        "index",
        "labelling decoding",
        "labelling",
        "scan decoding",
        "scan reference",
    ]
    assert done.phases["index"] == 2
    # The network takes longer than decoding, both times.
    assert done.seconds == pytest.approx(2 + 330 * task.call_seconds)
    assert done.charged == done.phases["labelling"] + done.phases["scan reference"]
    decoding = done.phases["labelling decoding"] + done.phases["scan decoding"]
    assert done.charged == pytest.approx(330 * task.call_seconds - decoding)
    assert done.one_off == ("index", "labelling decoding", "labelling")
    done = run(replace(task, truth=truth, overlaps=True, call_seconds=0.0), quick=True)
    assert done.charged == 0


def test_of_equally_cheap_cascades_the_better_network_wins() -> None:
    found = search(np.arange(4.0), np.arange(4.0), np.arange(4) > 1, fnr=0, fpr=0)
    cascades = [
        Cascade(
            Detector(50, None, None),
            Network(SHAPES[i], torch.nn.Identity(), torch.zeros(1), accuracy, 10),
            replace(found, cost=cost),
        )
        for i, (cost, accuracy) in enumerate([(7, 0.9), (5, 0.7), (5, 0.8), (5, 0.8), (6, 1.0)])
    ]
    assert cheapest(cascades) is cascades[2]


def test_the_stages_decide_in_turn() -> None:
    class Scores:
        def scores(self, frames):
            return frames[:, 0, 0, 0] / 255

    class Distances:
        size = 100

        def distances(self, kept, threads):
            return kept[:, 0, 0, 0] / 255

    far, sure = np.zeros((2, 6, 3, 1, 1), np.uint8)
    far[:, 0, 0, 0] = [0, 255, 255, 255, 255, 0]
    sure[:, 0, 0, 0] = [255, 255, 0, 102, 153, 102]
    found = search(np.arange(4.0), np.arange(4.0), np.arange(4) > 1, fnr=0, fpr=0)
    cascade = Cascade(Distances(), Scores(), replace(found, delta=0.5, lower=0.4, upper=0.6))
    present, undecided, passed = cascade.decide({100: far, 50: sure})
    assert present.tolist() == [False, True, False, False, False, False]
    assert undecided.tolist() == [False, False, False, True, True, False]
    assert passed.tolist() == [False, True, True, True, True, False]


def test_nothing_warns_on_constant_pictures() -> None:
    frames = {size: np.full((90, 3, size, size), 7, np.uint8) for size in (50, 100)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        detectors = train_detectors(frames, np.arange(90) >= 70, seed=0)
        for detector in detectors:
            distances = detector.distances(frames[detector.size][::30])
            truth = np.array([False, True, False])
            search(distances, np.full(3, 0.5), truth, fnr=0.01, fpr=0.01)
