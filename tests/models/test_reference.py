from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from blobs import LABELS, BlobDetector, assert_same, blob_frames

from vqe.detections import concatenate
from vqe.errors import ModelError
from vqe.models.load import load_reference
from vqe.models.reference import batches


@pytest.fixture(scope="module")
def blobs():
    return load_reference(BlobDetector(), labels=LABELS, device="cpu")


def test_module_finds_the_blobs_in_frame_pixels(blobs):
    frames = blob_frames(3)
    found = blobs.detect(frames)
    assert found.n_frames == 3
    assert found.row.dtype == np.int32
    assert found.label.dtype == np.int16
    assert found.score.dtype == np.float32
    assert found.box.dtype == np.float32
    strong = found.score > 0.7
    for row in range(3):
        red = found.box[strong & (found.row == row) & (found.label == 0)]
        middle = (red[:, :2] + red[:, 2:]).mean(0) / 2
        np.testing.assert_allclose(middle, [35 + 3 * row, 35], atol=4)
        green = found.box[strong & (found.row == row) & (found.label == 1)]
        middle = (green[:, :2] + green[:, 2:]).mean(0) / 2
        np.testing.assert_allclose(middle, [215 - 3 * row, 115], atol=4)


def test_a_frame_gives_the_same_alone_and_in_company(blobs):
    frames = blob_frames(11)
    together = blobs.detect(frames)
    assert len(together.row) > 11
    assert_same(together, concatenate([blobs.detect(frames[i : i + 1]) for i in range(11)]))
    assert_same(together, blobs.detect(list(frames)))


def test_no_frames(blobs):
    for none in ([], np.empty((0, 180, 320, 3), np.uint8)):
        found = blobs.detect(none)
        assert found.n_frames == 0
        assert found.box.shape == (0, 4)


def test_read_only_and_strided_frames(blobs):
    frames = blob_frames(4)
    locked = frames.copy()
    locked.setflags(write=False)
    assert_same(blobs.detect(frames), blobs.detect(locked), 0)
    assert_same(blobs.detect(frames[::2]), blobs.detect(list(frames[::2])), 0)


def test_threads_take_turns(blobs):
    frames, found = blob_frames(6), []
    workers = [
        threading.Thread(target=lambda: found.append(blobs.detect(frames))) for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(found) == 4
    for one in found:
        assert_same(one, found[0], 0)


def test_batches_are_powers_of_two():
    assert [stop - start for start, stop in batches(21, 8)] == [8, 8, 4, 1]
    assert [stop - start for start, stop in batches(7, 4)] == [4, 2, 1]
    assert list(batches(2, 1)) == [(0, 1), (1, 2)]
    assert list(batches(0, 8)) == []


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((2, 8, 8, 3), np.float32),
        np.zeros((2, 8, 8), np.uint8),
        np.zeros((2, 8, 8, 4), np.uint8),
        [np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)],
    ],
)
def test_other_frames_are_refused(blobs, bad):
    with pytest.raises(ModelError, match="frames"):
        blobs.detect(bad)


def test_threads_are_set_for_the_call_only():
    before, inside = torch.get_num_threads(), []

    class Spy(BlobDetector):
        def forward(self, pictures):
            inside.append(torch.get_num_threads())
            return super().forward(pictures)

    load_reference(Spy(), labels=LABELS, device="cpu", threads=1).detect(blob_frames(1))
    assert set(inside) == {1}
    assert torch.get_num_threads() == before


# Callables


def red_or_green(frames):
    return [[("green", 0.9, -5, 0, 20, 1000), (0, 0.95, 1, 2, 3, 4)] for _ in frames[1:]] + [[]]


def test_callable():
    reference = load_reference(red_or_green, labels=LABELS)
    assert reference.name == "red_or_green"
    assert reference.fingerprint is None
    assert reference.min_score == 0.4
    found = reference.detect(blob_frames(2))
    assert found.row.tolist() == [0, 0]
    assert found.label.tolist() == [0, 1]
    assert found.box.tolist() == [[1, 2, 3, 4], [0, 0, 20, 180]]


def test_attributes_of_a_callable():
    class Detector:
        labels = ("red", "green")
        fingerprint = "v7"

        def __call__(self, frames):
            return [[("red", 0.04, 0, 0, 1, 1)]] * len(frames)

    reference = load_reference(Detector(), name="mine", min_score=0.7)
    assert (reference.name, reference.labels) == ("mine", ("red", "green"))
    assert reference.fingerprint is not None
    assert reference.min_score == 0.7
    assert len(reference.detect(blob_frames(2)).row) == 0


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([[("gren", 0.9, 0, 0, 1, 1)]], "did you mean 'green'"),
        ([[(7, 0.9, 0, 0, 1, 1)]], "label 7"),
        ([], "0 lists for 1 frames"),
        ([[("red", 0.9)]], "as a detection"),
        (None, "the callable <lambda> returned None"),
    ],
)
def test_wrong_answers_of_a_callable(answer, message):
    with pytest.raises(ModelError, match=message):
        load_reference(lambda frames: answer, labels=LABELS).detect(blob_frames(1))


# Modules


class Listy(torch.nn.Module):
    """In torchvision's style: insists on a list."""

    def forward(self, pictures):
        assert isinstance(pictures, list)
        return [
            {
                "boxes": torch.tensor([[0.0, 0.0, one.shape[2], one.shape[1]]]),
                "labels": torch.tensor([1]),
                "scores": one.max().view(1),
            }
            for one in pictures
        ]


def test_list_style_module_sees_frames_as_they_are():
    found = load_reference(Listy(), labels=LABELS, device="cpu").detect(blob_frames(3, 33, 77))
    assert found.label.tolist() == [1, 1, 1]
    assert found.score.tolist() == [1, 1, 1]
    assert found.box.tolist() == [[0, 0, 77, 33]] * 3


def test_class_without_a_label():
    with pytest.raises(ModelError, match="found class 1"):
        load_reference(Listy(), labels=["red"], device="cpu").detect(blob_frames(1, 33, 77))


class OnlySquares(BlobDetector):
    def forward(self, pictures):
        assert pictures.shape == (1, 3, 320, 320)
        return super().forward(pictures)


def test_fixed_shape_is_found_by_trying():
    reference = load_reference(OnlySquares(), labels=LABELS, device="cpu")
    assert reference.batch_size == 1
    assert set(reference.detect(blob_frames(3)).label) == {0, 1}


def test_half_precision_is_widened(blobs):
    half = load_reference(BlobDetector().half(), labels=LABELS, device="cpu")
    assert_same(half.detect(blob_frames(2)), blobs.detect(blob_frames(2)))


def test_label_counts_must_agree():
    with pytest.raises(ModelError, match="2 classes, but 3 labels"):
        load_reference(BlobDetector(), labels=["a", "b", "c"], device="cpu")
    with pytest.raises(ModelError, match=r"has 2 classes.*\n.*labels="):
        load_reference(BlobDetector(), device="cpu")


class Refuses(torch.nn.Module):
    def forward(self, pictures):
        raise RuntimeError("wants another shape")


class Text(torch.nn.Module):
    def forward(self, pictures):
        return "nothing"


@pytest.mark.parametrize(
    ("module", "message"),
    [(Refuses(), "wants another shape"), (Text(), "str"), (torch.nn.Flatten(), "not understood")],
)
def test_modules_that_are_no_detectors(module, message):
    with pytest.raises(ModelError, match=message):
        load_reference(module, labels=LABELS, device="cpu")


@pytest.mark.parametrize(
    "detection",
    [
        ("bus", 0.9, 1, 2, 3),
        ("bus", 0.9, 1, 2, 3, 4, 5),
        ("bus", float("nan"), 1, 2, 3, 4),
        ("bus", 1.5, 1, 2, 3, 4),
        ("bus", 0.9, 3, 2, 1, 4),
        ("bus", 0.9, 1, 2, float("nan"), 4),
        (1.7, 0.9, 1, 2, 3, 4),
        None,
    ],
)
def test_what_is_not_a_detection_is_refused(detection):
    reference = load_reference(lambda frames: [[detection] for _ in frames], labels=["bus", "car"])
    with pytest.raises(ModelError, match="as a detection"):
        reference.detect(np.zeros((1, 8, 8, 3), np.uint8))
