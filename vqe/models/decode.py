"""From the raw outputs of a detector to candidate boxes; one function per output layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from vqe.detections import FLOOR
from vqe.models.preprocess import Size

Outputs = Sequence[Any]
"""What a network returns for N pictures: a few tensors, or one dict of tensors per picture."""


@dataclass(frozen=True)
class Candidates:
    """K boxes with score ≥ FLOOR: `row` (K,) which picture, `label` (K,) class id of the network,
    `score` (K,), `box` (K, 4) x0, y0, x1, y1 in pixels of the input. All on one device."""

    row: torch.Tensor
    label: torch.Tensor
    score: torch.Tensor
    box: torch.Tensor


def yolov8(outputs: Outputs, size: Size) -> Candidates:
    """(N, 4 + C, A): cx, cy, w, h in input pixels, then a score per class."""
    prediction = outputs[0].transpose(1, 2)
    score, label = prediction[..., 4:].max(2)
    row, anchor = _above_floor(score)
    return _gather(row, anchor, label, score, _corners(prediction[row, anchor, :4]))


def yolov5(outputs: Outputs, size: Size) -> Candidates:
    """(N, A, 5 + C): cx, cy, w, h in input pixels, objectness, then a score per class."""
    prediction = outputs[0]
    score, label = prediction[..., 5:].max(2)
    score = score * prediction[..., 4]
    row, anchor = _above_floor(score)
    return _gather(row, anchor, label, score, _corners(prediction[row, anchor, :4]))


def yolox(outputs: Outputs, size: Size) -> Candidates:
    """(N, A, 5 + C): as YOLOv5's, but x, y, log w, log h in cells of strides 8, 16, 32."""
    prediction = outputs[0]
    score, label = prediction[..., 5:].max(2)
    score = score * prediction[..., 4]
    row, anchor = _above_floor(score)
    corner, stride = grid(size, (8, 16, 32), prediction.device)
    raw, stride = prediction[row, anchor, :4], stride[anchor, None]
    centre = (raw[:, :2] + corner[anchor]) * stride
    box = _corners(torch.cat([centre, raw[:, 2:].exp() * stride], 1))
    return _gather(row, anchor, label, score, box)


def end_to_end(outputs: Outputs, size: Size) -> Candidates:
    """(N, K, 6): x0, y0, x1, y1 in input pixels, score, class; suppression is already done."""
    prediction = outputs[0]
    score, label = prediction[..., 4], prediction[..., 5].round().long()
    row, anchor = _above_floor(score)
    return _gather(row, anchor, label, score, prediction[row, anchor, :4])


def fastestdet(outputs: Outputs, size: Size) -> Candidates:
    """(N, 5 + C, h, w): objectness, box, class scores for each cell of a grid."""
    columns = outputs[0].shape[3]
    prediction = outputs[0].flatten(2).transpose(1, 2)
    class_score, label = prediction[..., 5:].max(2)
    score = prediction[..., 0].clamp(0) ** 0.6 * class_score.clamp(0) ** 0.4
    row, cell = _above_floor(score)
    raw = prediction[row, cell, 1:5]
    pixels_per_cell = raw.new_tensor([size[1] / columns, size[0] / outputs[0].shape[2]])
    corner = torch.stack([cell % columns, cell // columns], 1)
    centre = (corner + raw[:, :2].tanh()) * pixels_per_cell
    extent = raw[:, 2:].sigmoid() * raw.new_tensor([size[1], size[0]])
    return _gather(row, cell, label, score, _corners(torch.cat([centre, extent], 1)))


PICODET_STRIDES = (8, 16, 32, 64)


def picodet(outputs: Outputs, size: Size) -> Candidates:
    """(N, A, C) class scores and (N, A, 32): for each of four sides a distribution over 0..7."""
    scores, sides = outputs
    score, label = scores.max(2)
    row, anchor = _above_floor(score)
    corner, stride = grid(size, PICODET_STRIDES, scores.device)
    bins = sides[row, anchor].view(-1, 4, 8).softmax(2)
    distance = (bins * torch.arange(8, device=bins.device)).sum(2) * stride[anchor, None]
    centre = (corner[anchor] + 0.5) * stride[anchor, None]
    box = torch.cat([centre - distance[:, :2], centre + distance[:, 2:]], 1)
    return _gather(row, anchor, label, score, box)


def ssd(outputs: Outputs, size: Size) -> Candidates:
    """(1, 1, N * K, 7): picture, class (0 is the background), score, box in fractions."""
    found = outputs[0].reshape(-1, 7)
    found = found[found[:, 2] >= FLOOR]
    scale = found.new_tensor([size[1], size[0]] * 2)
    return Candidates(found[:, 0].long(), found[:, 1].long(), found[:, 2], found[:, 3:] * scale)


def list_of_dicts(outputs: Outputs, size: Size) -> Candidates:
    """One dict per picture: boxes (K, 4) in pixels, scores (K,), labels (K,), as torchvision's."""
    counts = torch.tensor([len(found["scores"]) for found in outputs])
    row = torch.repeat_interleave(torch.arange(len(outputs)), counts)
    label, score, box = (
        torch.cat([found[key] for found in outputs]) for key in ("labels", "scores", "boxes")
    )
    keep = score >= FLOOR
    return Candidates(row.to(score.device)[keep], label[keep], score[keep], box[keep])


def grid(
    size: Size, strides: Sequence[int], device: torch.device | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The cells of all strides, row by row: column and row (A, 2) and stride (A,), float32."""
    corners, cell_strides = [], []
    for stride in strides:
        rows, columns = -(-size[0] // stride), -(-size[1] // stride)
        cell = torch.arange(rows * columns, device=device)
        corners.append(torch.stack([cell % columns, cell // columns], 1).float())
        cell_strides.append(torch.full((rows * columns,), float(stride), device=device))
    return torch.cat(corners), torch.cat(cell_strides)


def _above_floor(score: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Picture and anchor of every entry of `score` (N, A) that is kept; NaN is not."""
    row, anchor = (score >= FLOOR).nonzero(as_tuple=True)
    return row, anchor


def _gather(
    row: torch.Tensor,
    anchor: torch.Tensor,
    label: torch.Tensor,
    score: torch.Tensor,
    box: torch.Tensor,
) -> Candidates:
    return Candidates(row, label[row, anchor], score[row, anchor], box)


def _corners(box: torch.Tensor) -> torch.Tensor:
    """cx, cy, w, h (K, 4) as x0, y0, x1, y1."""
    half = box[:, 2:] / 2
    return torch.cat([box[:, :2] - half, box[:, :2] + half], 1)
