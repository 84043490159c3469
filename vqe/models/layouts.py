"""The output layouts of detectors that vqe understands, recognised by their shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from vqe.errors import ModelError
from vqe.models import decode
from vqe.models.decode import Candidates, Outputs
from vqe.models.preprocess import Preprocessing, Size

DEFAULT_MIN_SCORE = 0.4

UNTOLD = 0
"""Number of classes where the outputs do not show it."""


@dataclass(frozen=True)
class Layout:
    """One kind of output.

    `n_classes(outputs, size)` recognises it: the number of classes (UNTOLD where it does not show)
    or None when `outputs` for pictures of `size` are of another kind. `before_suppression`: the
    boxes of one object are still many. `background`: class 0 means nothing, labels count from 1.
    """

    name: str
    shape: str
    preprocessing: Preprocessing
    n_classes: Callable[[Outputs, Size], int | None]
    decode: Callable[[Outputs, Size], Candidates]
    before_suppression: bool = True
    background: bool = False
    min_score: float = DEFAULT_MIN_SCORE


def recognise(outputs: Outputs, size: Size) -> tuple[Layout, int]:
    """The layout of `outputs`, which a network gave for pictures of `size`, and its number of
    classes (UNTOLD where it does not show). Raises ModelError when no layout fits."""
    for layout in LAYOUTS:
        n_classes = layout.n_classes(outputs, size)
        if n_classes is not None:
            return layout, n_classes
    known = "\n".join(f"  {layout.name}: {layout.shape}" for layout in LAYOUTS)
    raise ModelError(
        f"the outputs of this network are not understood: {describe(outputs)} "
        f"for a picture of {size[1]}x{size[0]} pixels",
        hint=f"known layouts (N pictures, C classes, A anchors, K boxes):\n{known}",
    )


def describe(outputs: Outputs) -> str:
    """The shapes of `outputs`, for a message."""
    return ", ".join(
        f"dict({', '.join(map(str, one))})" if isinstance(one, Mapping) else str(tuple(one.shape))
        for one in outputs
    )


def _one_tensor(outputs: Outputs, ndim: int) -> torch.Tensor | None:
    if len(outputs) != 1 or not isinstance(outputs[0], torch.Tensor) or outputs[0].ndim != ndim:
        return None
    return outputs[0]


def _yolov8_classes(outputs: Outputs, size: Size) -> int | None:
    output = _one_tensor(outputs, 3)
    if output is None or not 5 <= output.shape[1] < output.shape[2]:
        return None
    return output.shape[1] - 4


def _yolov5_classes(outputs: Outputs, size: Size) -> int | None:
    output = _one_tensor(outputs, 3)
    if output is None or not 6 <= output.shape[2] < output.shape[1]:
        return None
    # The smallest of the family have anchors at the strides 16 and 32 only. What has fewer is a
    # network with one row per object, such as RT-DETR's 300, and no objectness.
    if output.shape[1] < len(decode.grid(size, (16, 32))[0]):
        return None
    return output.shape[2] - 5


def _yolox_classes(outputs: Outputs, size: Size) -> int | None:
    """YOLOX has one anchor per cell where YOLOv5 has three. YOLOv6 has one too, but its objectness
    is always 1 and its preprocessing is YOLOv5's."""
    n_classes = _yolov5_classes(outputs, size)
    if n_classes is None or outputs[0].shape[1] != len(decode.grid(size, (8, 16, 32))[0]):
        return None
    return None if bool((outputs[0][..., 4] == 1).all()) else n_classes


def _holds_offsets(outputs: Outputs, size: Size) -> bool:
    """Whether the centres are relative to their cells: as pixels they would reach every side."""
    return float(outputs[0][..., 0].max()) < size[1] / 2


def _yolox_raw_classes(outputs: Outputs, size: Size) -> int | None:
    n_classes = _yolox_classes(outputs, size)
    return n_classes if n_classes is not None and _holds_offsets(outputs, size) else None


def _end_to_end_classes(outputs: Outputs, size: Size) -> int | None:
    """At most 1000 rows: a YOLOv5 of one class has six columns as well, but thousands of rows."""
    output = _one_tensor(outputs, 3)
    if output is None or output.shape[2] != 6 or output.shape[1] > 1000:
        return None
    return UNTOLD


def _fastestdet_classes(outputs: Outputs, size: Size) -> int | None:
    output = _one_tensor(outputs, 4)
    if output is None or output.shape[1] < 6:
        return None
    return (
        output.shape[1] - 5 if tuple(output.shape[2:]) == (size[0] // 16, size[1] // 16) else None
    )


def _picodet_classes(outputs: Outputs, size: Size) -> int | None:
    if len(outputs) != 2 or not all(isinstance(o, torch.Tensor) and o.ndim == 3 for o in outputs):
        return None
    scores, sides = outputs
    n_cells = len(decode.grid(size, decode.PICODET_STRIDES)[0])
    if scores.shape[1] != n_cells or tuple(sides.shape[1:]) != (n_cells, 32):
        return None
    return int(scores.shape[2])


def _ssd_classes(outputs: Outputs, size: Size) -> int | None:
    output = _one_tensor(outputs, 4)
    return (
        UNTOLD
        if output is not None and output.shape[:2] == (1, 1) and output.shape[3] == 7
        else None
    )


def _dict_classes(outputs: Outputs, size: Size) -> int | None:
    fits = [
        isinstance(one, Mapping) and {"boxes", "scores", "labels"} <= set(one) for one in outputs
    ]
    return UNTOLD if fits and all(fits) else None


_YOLO = Preprocessing("letterbox")
_YOLOX = Preprocessing("corner", bgr=True, scale=1.0)
_STRETCHED = Preprocessing("stretch", bgr=True, antialias=False, size=(352, 352))
_IMAGENET = Preprocessing(
    "stretch",
    scale=1.0,
    mean=(123.675, 116.28, 103.53),
    std=(58.395, 57.12, 57.375),
    antialias=False,
    size=(416, 416),
)
_SSD = Preprocessing("stretch", scale=1.0, antialias=False, size=(300, 300))

# The first that fits is taken: one class of YOLOv5 after the (N, K, 6) it resembles, and YOLOX,
# which is told apart by more than its shape, before YOLOv5.
LAYOUTS: tuple[Layout, ...] = (
    Layout(
        "torchvision",
        "a list of N dicts with boxes (K, 4), scores (K,), labels (K,)",
        Preprocessing("native"),
        _dict_classes,
        decode.list_of_dicts,
        before_suppression=False,
    ),
    Layout("YOLOv8 / YOLO11", "(N, 4 + C, A), A > 4 + C", _YOLO, _yolov8_classes, decode.yolov8),
    Layout(
        "end-to-end (after suppression)",
        "(N, K, 6): x0, y0, x1, y1, score, class",
        _YOLO,
        _end_to_end_classes,
        decode.end_to_end,
        before_suppression=False,
    ),
    Layout(
        "YOLOX, offsets",
        "(N, A, 5 + C), one anchor per cell, undecoded",
        _YOLOX,
        _yolox_raw_classes,
        decode.yolox,
    ),
    Layout(
        "YOLOX, pixels",
        "(N, A, 5 + C), one anchor per cell",
        _YOLOX,
        _yolox_classes,
        decode.yolov5,
    ),
    Layout("YOLOv5 / v6 / v7", "(N, A, 5 + C)", _YOLO, _yolov5_classes, decode.yolov5),
    Layout("PP-PicoDet", "(N, A, C), (N, A, 32)", _IMAGENET, _picodet_classes, decode.picodet),
    Layout("SSD", "(1, 1, N * K, 7)", _SSD, _ssd_classes, decode.ssd, False, background=True),
    Layout(
        "FastestDet",
        "(N, 5 + C, h / 16, w / 16)",
        _STRETCHED,
        _fastestdet_classes,
        decode.fastestdet,
    ),
)
