"""Networks that run in OpenCV's dnn module."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vqe.errors import ModelError
from vqe.models.decode import Outputs
from vqe.models.network import find_input_shape, first_line


class OpenCVNetwork:
    """A weights file with its graph (TensorFlow, Caffe, Darknet), or one ONNX file; on the CPU."""

    labels = None
    own_threads = True

    def __init__(self, paths: Sequence[Path], *, threads: int | None) -> None:
        try:
            import cv2
        except ImportError as error:
            raise ModelError(
                "OpenCV models need OpenCV", hint="pip install opencv-python-headless"
            ) from error
        self._cv2 = cv2
        self._paths = tuple(map(str, paths))
        self._threads = threads
        self._size = (0, 0)
        self._net = self._read()
        self.device = torch.device("cpu")
        self.runs_on = "cpu"
        self.runtime = f"OpenCV {cv2.__version__}"
        self.input_shape = find_input_shape(self.run, self.device)

    def _read(self) -> Any:
        weights, *graph = self._paths
        try:
            return self._cv2.dnn.readNet(weights, "".join(graph))
        except Exception as error:
            raise ModelError(
                f"OpenCV cannot read {' with '.join(self._paths)}: {first_line(error)}",
                hint="write opencv:weights.pb+graph.pbtxt or opencv:model.onnx",
            ) from error

    def run(self, pictures: torch.Tensor) -> Outputs:
        """float32 (n, 3, h, w) -> float32 tensors on the CPU."""
        size = (pictures.shape[2], pictures.shape[3])
        if size != self._size:
            # A net keeps the prior boxes of the first size it saw, and would shift what it finds
            # in pictures of another, so each size starts with a fresh one.
            self._net, self._size = self._read(), size
        with self._limited_threads():
            self._net.setInput(np.ascontiguousarray(pictures.numpy()))
            outputs = self._net.forward(self._net.getUnconnectedOutLayersNames())
        # Copied: the next forward pass writes into the same memory.
        return tuple(torch.from_numpy(np.array(output, np.float32)) for output in outputs)

    @contextmanager
    def _limited_threads(self) -> Iterator[None]:
        before = self._cv2.getNumThreads()
        if self._threads is not None:
            self._cv2.setNumThreads(self._threads)
        try:
            yield
        finally:
            if self._threads is not None:
                self._cv2.setNumThreads(before)
