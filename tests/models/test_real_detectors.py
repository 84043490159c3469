"""The real detectors, against straight-line readings of how their authors describe them."""

from __future__ import annotations

import warnings

import av
import data
import numpy as np
import pytest
import torch

from vqe.detections import concatenate
from vqe.errors import ModelError
from vqe.models.load import load_reference

YOLO = "yolov8s_fp16.torchscript"


def read(name, step, limit=None):
    with av.open(str(data.video(name))) as container:
        frames = [
            frame.to_ndarray(format="rgb24")
            for i, frame in enumerate(container.decode(video=0))
            if i % step == 0
        ]
    return np.stack(frames[:limit])


@pytest.fixture(scope="module")
def yolo():
    return load_reference(f"torchscript:{data.model(YOLO)}", device="cpu")


def share(reference, found, label):
    return float((found.best_score(reference.labels.index(label)) > 0.4).mean())


@pytest.mark.data
@pytest.mark.slow
def test_yolov8s_sees_what_is_there(yolo):
    assert (yolo.batch_size, len(yolo.labels), yolo.min_score) == (4, 80, 0.4)
    night = yolo.detect(read("tfl_piccadilly_night_bus.mp4", 5))
    assert share(yolo, night, "bus") == pytest.approx(0.44, abs=0.1)
    assert share(yolo, night, "car") == pytest.approx(0.87, abs=0.1)
    assert share(yolo, night, "person") > 0.9
    assert share(yolo, night, "giraffe") == 0
    persons = yolo.detect(read("intel_one-by-one-person.mp4", 50))
    assert share(yolo, persons, "person") == pytest.approx(0.79, abs=0.12)


@pytest.mark.slow
@pytest.mark.data
def test_yolov8s_gives_a_frame_the_same_alone_and_in_company(yolo):
    frames = read("ahmetozlu_road.mp4", 180)
    together = yolo.detect(frames)
    alone = concatenate([yolo.detect(frame[None]) for frame in frames])
    # Detections within rounding of the floor may come and go.
    keep, also = together.score > 0.051, alone.score > 0.051
    np.testing.assert_array_equal(together.row[keep], alone.row[also])
    np.testing.assert_allclose(together.score[keep], alone.score[also], atol=1e-4)
    np.testing.assert_allclose(together.box[keep], alone.box[also], atol=1e-2)


# The straight-line detectors: one frame -> list of (class, score, box)


def nms(found, threshold=0.7):
    kept = []
    for one in sorted(found, key=lambda d: -d[1]):
        if all(k[0] != one[0] or iou(k[2], one[2]) <= threshold for k in kept):
            kept.append(one)
    return kept


def iou(a, b):
    shared = max(min(a[2], b[2]) - max(a[0], b[0]), 0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


@pytest.fixture(scope="module")
def yolo_by_hand():
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        network = torch.jit.load(str(data.model(YOLO)), map_location="cpu").float()

    def detect(frame):
        height, width = frame.shape[:2]
        scale = 640 / width
        content = Image.fromarray(frame).resize((640, round(height * scale)), Image.BILINEAR)
        top = (-content.height % 32) // 2
        canvas = np.full((content.height + -content.height % 32, 640, 3), 114, np.float32)
        canvas[top : top + content.height] = np.asarray(content)
        with torch.inference_mode():
            output = network(torch.from_numpy(canvas / 255).permute(2, 0, 1)[None])[0].numpy()
        found = []
        for anchor in np.flatnonzero(output[4:].max(0) >= 0.05):
            cx, cy, w, h = output[:4, anchor]
            box = [(cx - w / 2), (cy - h / 2 - top), (cx + w / 2), (cy + h / 2 - top)]
            label = int(output[4:, anchor].argmax())
            found.append((label, float(output[4 + label, anchor]), [v / scale for v in box]))
        return nms(found)

    return detect


@pytest.fixture(scope="module")
def fastestdet_by_hand():
    import cv2
    import onnxruntime

    session = onnxruntime.InferenceSession(str(data.model("FastestDet.onnx")))

    def detect(frame):
        height, width = frame.shape[:2]
        picture = cv2.resize(frame[:, :, ::-1], (352, 352)).astype(np.float32) / 255
        (output,) = session.run(None, {"input.1": picture.transpose(2, 0, 1)[None]})
        found = []
        for gy in range(22):
            for gx in range(22):
                cell = output[0, :, gy, gx]
                label = int(cell[5:].argmax())
                score = float(cell[0] ** 0.6 * cell[5 + label] ** 0.4)
                if score < 0.05:
                    continue
                cx, cy = (gx + np.tanh(cell[1])) / 22, (gy + np.tanh(cell[2])) / 22
                w, h = 1 / (1 + np.exp(-cell[3])), 1 / (1 + np.exp(-cell[4]))
                box = [(cx - w / 2) * width, (cy - h / 2) * height]
                box += [(cx + w / 2) * width, (cy + h / 2) * height]
                found.append((label, score, box))
        return nms(found)

    return detect


@pytest.fixture(scope="module")
def picodet_by_hand():
    import cv2
    import onnxruntime

    session = onnxruntime.InferenceSession(str(data.model("picodet_s_416.onnx")))

    def detect(frame):
        height, width = frame.shape[:2]
        picture = cv2.resize(frame, (416, 416)).astype(np.float32)
        picture = (picture - np.float32([123.675, 116.28, 103.53])) / np.float32(
            [58.395, 57.12, 57.375]
        )
        scores, dfl = session.run(None, {"image": picture.transpose(2, 0, 1)[None]})
        found, anchor = [], 0
        for stride in (8, 16, 32, 64):
            side = -(-416 // stride)
            for y in range(side):
                for x in range(side):
                    label = int(scores[0, anchor].argmax())
                    score = float(scores[0, anchor, label])
                    if score >= 0.05:
                        bins = np.exp(dfl[0, anchor].reshape(4, 8))
                        bins /= bins.sum(1, keepdims=True)
                        left, top, right, bottom = (bins * np.arange(8)).sum(1) * stride
                        cx, cy = (x + 0.5) * stride, (y + 0.5) * stride
                        box = [(cx - left) / 416 * width, (cy - top) / 416 * height]
                        box += [(cx + right) / 416 * width, (cy + bottom) / 416 * height]
                        found.append((label, score, box))
                    anchor += 1
        return nms(found)

    return detect


def assert_agree(found, expected_of_frames, size, above, tolerance, least_iou, odd_share=0.0):
    """Detections with a score well above the floor have their counterparts, both ways, but for
    `odd_share` of them."""
    height, width = size
    n_compared, odd = 0, []
    for row, expected in enumerate(expected_of_frames):
        keep = found.row == row
        columns = (found.label[keep], found.score[keep], found.box[keep])
        mine = list(zip(*(column.tolist() for column in columns), strict=True))
        by_hand = [
            (label, score, np.clip(box, 0, [width, height, width, height]).tolist())
            for label, score, box in expected
        ]
        for some, others in ((mine, by_hand), (by_hand, mine)):
            for label, score, box in some:
                if score < above:
                    continue
                n_compared += 1
                if not any(
                    label == other[0]
                    and abs(score - other[1]) < tolerance
                    and iou(box, other[2]) > least_iou
                    for other in others
                ):
                    odd.append((row, label, score, box))
    assert n_compared > 5
    assert len(odd) <= odd_share * n_compared, odd


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("clip", ["ahmetozlu_road.mp4", "intel_one-by-one-person.mp4"])
def test_yolov8s_by_hand(clip, yolo, yolo_by_hand):
    frames = read(clip, 130, 4)
    expected = [yolo_by_hand(frame) for frame in frames]
    assert_agree(yolo.detect(frames), expected, frames.shape[1:3], 0.3, 0.03, 0.95)


def assert_agree_with(detect, reference, clip, side):
    """Frames of the network's own size must agree to the last digits; where they are resized, one
    level of brightness between two bilinear kernels moves scores by some hundredths, and classes
    that are nearly tied."""
    import cv2

    frames = read(clip, 40, 6)
    expected = [detect(frame) for frame in frames]
    assert_agree(
        reference.detect(frames), expected, frames.shape[1:3], 0.4, 0.1, 0.6, odd_share=0.1
    )
    exact = [cv2.resize(frame, (side, side)) for frame in frames]
    expected = [detect(frame) for frame in exact]
    assert_agree(reference.detect(exact), expected, (side, side), 0.1, 1e-4, 0.999)


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("clip", ["ahmetozlu_road.mp4", "tfl_tooley_truck.mp4"])
@pytest.mark.parametrize("runtime", ["onnx", "opencv"])
def test_fastestdet_by_hand(clip, runtime, fastestdet_by_hand):
    reference = load_reference(f"{runtime}:{data.model('FastestDet.onnx')}", device="cpu")
    assert reference.batch_size == 1
    assert_agree_with(fastestdet_by_hand, reference, clip, 352)


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("clip", ["ahmetozlu_road.mp4", "tfl_tooley_truck.mp4"])
def test_picodet_by_hand(clip, picodet_by_hand):
    reference = load_reference(f"onnx:{data.model('picodet_s_416.onnx')}", device="cpu", threads=1)
    assert_agree_with(picodet_by_hand, reference, clip, 416)


@pytest.mark.data
def test_labels_for_a_file_with_another_number_of_classes():
    with pytest.raises(ModelError, match="80 classes, but 2 labels"):
        load_reference(f"onnx:{data.model('FastestDet.onnx')}", labels=["a", "b"], device="cpu")
