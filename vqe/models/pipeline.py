"""The two ways to detect in one batch of frames: a network with its layout, or a callable."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sized
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vqe.detections import FLOOR, Detections
from vqe.errors import ModelError, did_you_mean
from vqe.models.decode import Candidates, Outputs
from vqe.models.layouts import Layout
from vqe.models.network import Network
from vqe.models.nms import suppress
from vqe.models.preprocess import place, prepare
from vqe.models.threads import torch_threads


class NetworkPipeline:
    """Prepare, run, decode, suppress, map back.

    `class_index`: int16, class id of the network -> index into `labels`, -1 for ids to drop.
    """

    def __init__(
        self,
        network: Network,
        layout: Layout,
        labels: tuple[str, ...],
        class_index: NDArray[np.int16],
        *,
        threads: int | None,
    ) -> None:
        self._network = network
        self._layout = layout
        self._labels = labels
        self._class_index = class_index
        self._threads = threads

    def __call__(self, frames: NDArray[np.uint8]) -> Detections:
        """uint8 (n, H, W, 3) -> their detections."""
        n, height, width = frames.shape[:3]
        how, shape = self._layout.preprocessing, self._network.input_shape
        canvas = how.size if shape.size is None else shape.size
        placement = place((height, width), canvas, how.fit)
        # torch complains about arrays it could write to by accident, so a read-only one is copied.
        pixels = torch.from_numpy(frames if frames.flags.writeable else frames.copy())
        with torch_threads(self._threads), torch.inference_mode():
            pictures = prepare(pixels, placement, how, self._network.device)
            outputs = self._network.run(_padded(pictures, shape.batch))
            found = self._layout.decode(outputs, placement.canvas)
        row, label, score, box = _to_numpy(found)
        label = self._to_index(label)
        keep = np.flatnonzero((label >= 0) & (row < n))
        row, label, score, box = row[keep], label[keep], score[keep], box[keep]
        if self._layout.before_suppression:
            keep = suppress(box, score, row.astype(np.int64) * len(self._labels) + label)
            row, label, score, box = row[keep], label[keep], score[keep], box[keep]
        return sorted_by_frame(n, row, label, score, placement.to_frame(box))

    def _to_index(self, class_id: NDArray[np.int64]) -> NDArray[np.int16]:
        known = len(self._class_index)
        if len(class_id) and not 0 <= class_id.min() <= class_id.max() < known:
            raise ModelError(
                f"the network found class {int(class_id.max())}, but only classes 0 to {known - 1} "
                f"have labels ({len(self._labels)} labels)",
                hint="give labels=[…] with a name for every class",
            )
        return self._class_index[class_id]


def _padded(pictures: torch.Tensor, batch: int | None) -> torch.Tensor:
    """Filled up with copies of the first picture where the network takes only one batch size."""
    if batch is None or batch == len(pictures):
        return pictures
    return torch.cat([pictures, pictures[:1].expand(batch - len(pictures), -1, -1, -1)])


def _to_numpy(found: Candidates) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    columns = (found.row, found.label, found.score.float(), found.box.float())
    row, label, score, box = (column.cpu().numpy() for column in columns)
    return row, label, score, box


def sorted_by_frame(
    n_frames: int,
    row: NDArray[Any],
    label: NDArray[Any],
    score: NDArray[Any],
    box: NDArray[Any],
) -> Detections:
    """Detections by frame, best first."""
    order = np.lexsort((label, -score, row))
    return Detections(
        n_frames,
        row[order].astype(np.int32),
        label[order].astype(np.int16),
        np.minimum(score[order], 1).astype(np.float32),
        box[order].astype(np.float32),
    )


class CallablePipeline:
    """A function of the caller: frames -> per frame a list of (label, score, x0, y0, x1, y1).

    `name` is what errors call it.
    """

    def __init__(self, function: Callable[..., Any], labels: tuple[str, ...], name: str) -> None:
        self._function = function
        self._name = name
        self._labels = labels
        self._index = {label: index for index, label in enumerate(labels)}

    def __call__(self, frames: NDArray[np.uint8]) -> Detections:
        """uint8 (n, H, W, 3) -> their detections."""
        n, height, width = frames.shape[:3]
        found: Outputs = self._function(frames)
        if not isinstance(found, Sized) or not all(isinstance(one, Sized) for one in found):
            raise ModelError(
                f"the callable {self._name} returned {found!r:.120}",
                hint="it returns a list with one list of detections per frame",
            )
        if len(found) != n:
            raise ModelError(
                f"the callable {self._name} returned {len(found)} lists for {n} frames"
            )
        counts = [len(one) for one in found]
        flat = [self._checked(detection) for one in found for detection in one]
        row = np.repeat(np.arange(n), counts)
        label = np.array([self._to_index(detection[0]) for detection in flat], np.int16)
        numbers = np.array([detection[1:] for detection in flat], np.float64).reshape(-1, 5)
        keep = np.flatnonzero(numbers[:, 0] >= FLOOR)
        box = np.clip(numbers[keep, 1:], 0, [width, height, width, height])
        return sorted_by_frame(n, row[keep], label[keep], numbers[keep, 0], box)

    def _to_index(self, label: Any) -> int:
        index = self._index.get(label, -1) if isinstance(label, str) else operator.index(label)
        if not 0 <= index < len(self._labels):
            near = did_you_mean(label, self._labels) if isinstance(label, str) else ""
            raise ModelError(
                f"the callable {self._name} returned label {label!r}, which is not one of its "
                f"{len(self._labels)} labels",
                hint=near or f"labels: {', '.join(self._labels[:20])}",
            )
        return index

    def _checked(self, detection: Any) -> tuple[Any, ...]:
        """A detection; raises ModelError where it is not one."""
        try:
            label, *numbers = detection
            score, x0, y0, x1, y1 = (float(number) for number in numbers)
            if not isinstance(label, str):
                operator.index(label)
        except (TypeError, ValueError) as error:
            raise ModelError(
                f"the callable {self._name} returned {detection!r:.120} as a detection",
                hint="a detection is (label, score, x0, y0, x1, y1) with a label's name or index",
            ) from error
        if not (0 <= score <= 1 and x0 <= x1 and y0 <= y1):
            raise ModelError(
                f"the callable {self._name} returned {detection!r:.120} as a detection",
                hint="a score lies in [0, 1], and a box has x0 <= x1 and y0 <= y1",
            )
        return label, score, x0, y0, x1, y1
