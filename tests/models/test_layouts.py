"""Every output layout, with tensors that hold known boxes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vqe.errors import ModelError
from vqe.models.coco import COCO_91_TO_80, COCO_LABELS
from vqe.models.decode import grid
from vqe.models.layouts import LAYOUTS, UNTOLD, recognise

SIZE = (320, 416)  # height, width
CELLS = 52 * 40 + 26 * 20 + 13 * 10
BOXES = torch.tensor([[100.0, 50.0, 180.0, 90.0], [30.0, 200.0, 90.0, 300.0]])
LABELS = [3, 1]
SCORES = [0.75, 0.5]
CENTRES = torch.cat([(BOXES[:, :2] + BOXES[:, 2:]) / 2, BOXES[:, 2:] - BOXES[:, :2]], 1)


def one_hot(n_classes=4):
    return torch.eye(n_classes)[LABELS] * torch.tensor(SCORES)[:, None]


def yolov8():
    output = torch.zeros(2, 8, CELLS)
    for row in range(2):
        output[row, :4, 7], output[row, 4:, 7] = CENTRES[row], one_hot()[row]
    return [output]


def yolov5():
    output = torch.zeros(2, CELLS * 3, 9)
    for row in range(2):
        output[row, 9] = torch.cat([CENTRES[row], torch.tensor([0.5]), one_hot()[row] * 2])
    return [output]


def yolox_pixels():
    output = torch.zeros(2, CELLS, 9)
    output[:, -1, 0] = SIZE[1]
    for row in range(2):
        output[row, 9] = torch.cat([CENTRES[row], torch.tensor([0.5]), one_hot()[row] * 2])
    return [output]


def yolox_offsets():
    output = torch.zeros(2, CELLS, 9)
    corner, stride = grid(SIZE, (8, 16, 32))
    for row, cell in enumerate([52 * 7 + 3, 52 * 40 + 30]):
        raw = torch.cat(
            [
                CENTRES[row, :2] / stride[cell] - corner[cell],
                (CENTRES[row, 2:] / stride[cell]).log(),
            ]
        )
        output[row, cell] = torch.cat([raw, torch.tensor([0.5]), one_hot()[row] * 2])
    return [output]


def end_to_end():
    output = torch.zeros(2, 300, 6)
    for row in range(2):
        output[row, 0] = torch.tensor([*BOXES[row], SCORES[row], LABELS[row]])
    return [output]


def fastestdet():
    output = torch.zeros(2, 9, SIZE[0] // 16, SIZE[1] // 16)
    for row in range(2):
        cx, cy, w, h = CENTRES[row]
        column, line = int(cx // 16), int(cy // 16)
        output[row, 0, line, column] = SCORES[row]
        output[row, 1, line, column] = torch.atanh(cx / 16 - column)
        output[row, 2, line, column] = torch.atanh(cy / 16 - line)
        output[row, 3, line, column] = torch.logit(w / SIZE[1])
        output[row, 4, line, column] = torch.logit(h / SIZE[0])
        output[row, 5:, line, column] = one_hot()[row]
    return [output]


def picodet():
    corner, stride = grid(SIZE, (8, 16, 32, 64))
    scores, sides = torch.zeros(2, len(stride), 4), torch.zeros(2, len(stride), 32)
    for row in range(2):
        cell = CELLS - 130 + 13 * int(CENTRES[row, 1] // 32) + int(CENTRES[row, 0] // 32)
        centre = (corner[cell] + 0.5) * stride[cell]
        assert stride[cell] == 32
        distance = torch.cat([centre - BOXES[row, :2], BOXES[row, 2:] - centre]) / 32
        # All weight on two neighbouring bins whose expectation is the distance.
        low = distance.floor().long()
        weight = torch.full((4, 8), 1e-9)
        weight[range(4), low] = 1 - (distance - low)
        weight[range(4), low + 1] = (distance - low).clamp(min=1e-9)
        scores[row, cell], sides[row, cell] = one_hot()[row], weight.log().flatten()
    return [scores, sides]


def ssd():
    output = torch.zeros(1, 1, 4, 7)
    fraction = BOXES / torch.tensor([SIZE[1], SIZE[0]] * 2)
    for row in range(2):
        output[0, 0, 2 * row] = torch.tensor([row, LABELS[row], SCORES[row], *fraction[row]])
        output[0, 0, 2 * row + 1, 0] = row
    return [output]


def torchvision():
    none = {"boxes": torch.empty(0, 4), "scores": torch.empty(0), "labels": torch.empty(0).long()}
    found = [
        {
            "boxes": torch.stack([BOXES[row], BOXES[row]]),
            "scores": torch.tensor([SCORES[row], 0.01]),
            "labels": torch.tensor([LABELS[row], 0]),
        }
        for row in range(2)
    ]
    return [*found, none]


OUTPUTS = {
    "torchvision": (torchvision, UNTOLD),
    "YOLOv8 / YOLO11": (yolov8, 4),
    "end-to-end (after suppression)": (end_to_end, UNTOLD),
    "YOLOX, offsets": (yolox_offsets, 4),
    "YOLOX, pixels": (yolox_pixels, 4),
    "YOLOv5 / v6 / v7": (yolov5, 4),
    "PP-PicoDet": (picodet, 4),
    "SSD": (ssd, UNTOLD),
    "FastestDet": (fastestdet, 4),
}


def test_every_layout_is_tested():
    assert [layout.name for layout in LAYOUTS] == list(OUTPUTS)


@pytest.mark.parametrize("name", OUTPUTS)
def test_recognised_and_decoded(name):
    make, n_classes = OUTPUTS[name]
    outputs = make()
    layout, seen_classes = recognise(outputs, SIZE)
    assert (layout.name, seen_classes) == (name, n_classes)
    found = layout.decode(outputs, SIZE)
    assert found.row.tolist() == [0, 1]
    assert found.label.tolist() == LABELS
    np.testing.assert_allclose(found.score, SCORES, rtol=1e-5)
    np.testing.assert_allclose(found.box, BOXES, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize(
    "name", [one for one in OUTPUTS if one not in {"torchvision", "end-to-end (after suppression)"}]
)
def test_scores_that_are_not_numbers_are_dropped(name):
    outputs = OUTPUTS[name][0]()
    layout, _ = recognise(outputs, SIZE)
    found = layout.decode([torch.full_like(output, torch.nan) for output in outputs], SIZE)
    assert len(found.row) == 0


def test_yolov6_shares_the_shape_of_yolox_but_not_its_preprocessing():
    (output,) = yolox_pixels()
    output[..., 4] = 1
    assert recognise([output], SIZE)[0].name == "YOLOv5 / v6 / v7"


def test_one_class_of_yolov5_is_not_end_to_end():
    assert recognise([torch.zeros(1, 25200, 6)], (640, 640))[0].name == "YOLOv5 / v6 / v7"


@pytest.mark.parametrize(
    "shapes",
    [
        [(1, 1000)],
        [(1, 3, 320, 416)],
        [(1, 84, 2730), (1, 32, 80, 104)],
        [(1, 300, 4), (1, 300, 80)],
        [],
    ],
)
def test_unknown_outputs_are_refused_with_their_shapes(shapes):
    with pytest.raises(ModelError) as caught:
        recognise([torch.zeros(shape) for shape in shapes], SIZE)
    assert all(str(shape) in str(caught.value) for shape in shapes)
    assert "416x320" in str(caught.value)
    assert all(layout.name in str(caught.value) for layout in LAYOUTS)


def test_coco_numberings():
    assert len(COCO_LABELS) == len(set(COCO_LABELS)) == 80
    known = {0: -1, 1: "person", 12: -1, 13: "stop sign", 17: "cat", 44: "bottle", 90: "toothbrush"}
    for annotation_id, label in known.items():
        index = COCO_91_TO_80[annotation_id]
        assert label == (-1 if index < 0 else COCO_LABELS[index])


def test_few_rows_without_objectness_are_not_a_yolov5():
    """RT-DETR gives (N, 300, 4 + C) for any size of picture."""
    with pytest.raises(ModelError, match=r"\(2, 300, 84\)"):
        recognise([torch.rand(2, 300, 84)], (640, 640))
    layout, n_classes = recognise([torch.rand(2, 3 * (40 * 40 + 20 * 20), 85)], (640, 640))
    assert (layout.name, n_classes) == ("YOLOv5 / v6 / v7", 80)
