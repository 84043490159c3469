"""Networks that run in ONNX Runtime."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vqe.errors import ModelError
from vqe.models.decode import Outputs
from vqe.models.network import LAYOUT_PROBE, InputShape, first_line, names_of, takes_pairs

_INPUT_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class OnnxNetwork:
    """An ONNX file with one input of pictures (N, 3, height, width)."""

    own_threads = True

    def __init__(self, path: Path, *, cuda: bool, threads: int | None) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise ModelError(
                "ONNX models need ONNX Runtime", hint="pip install onnxruntime"
            ) from error
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors only: its warnings are about the exporter
        # Threads that spin while they wait starve decoding and everything else on few cores.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if threads is not None:
            options.intra_op_num_threads = threads
        providers = ["CPUExecutionProvider"]
        if cuda and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
            providers.insert(0, "CUDAExecutionProvider")
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=providers)
        except Exception as error:
            raise ModelError(f"{path} is not an ONNX model: {first_line(error)}") from error
        self.device = torch.device("cpu")
        self.runtime = f"ONNX Runtime {onnxruntime.__version__}"
        self.runs_on = "cuda" if "CUDAExecutionProvider" in self._session.get_providers() else "cpu"
        self._input, self._dtype, self.input_shape = self._read_input(path)
        size = self.input_shape.size or LAYOUT_PROBE
        if self.input_shape.batch is None and not takes_pairs(self.run, size, self.device):
            self.input_shape = InputShape(1, self.input_shape.size)  # declared free, but is not
        self.labels = self._read_labels()

    def run(self, pictures: torch.Tensor) -> Outputs:
        """float32 (n, 3, h, w) -> float32 tensors on the CPU."""
        values: NDArray[Any] = np.ascontiguousarray(pictures.numpy(), self._dtype)
        outputs = self._session.run(None, {self._input: values})
        return tuple(torch.from_numpy(np.asarray(output, np.float32)) for output in outputs)

    def _read_input(self, path: Path) -> tuple[str, type, InputShape]:
        inputs = self._session.get_inputs()
        seen = "; ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
        shape = inputs[0].shape if len(inputs) == 1 else []
        if len(shape) != 4 or (isinstance(shape[1], int) and shape[1] != 3):
            raise ModelError(
                f"{path} does not take one batch of pictures: {seen}",
                hint="one input (N, 3, height, width) is needed",
            )
        if inputs[0].type not in _INPUT_TYPES:
            raise ModelError(
                f"{path} does not take floating-point pictures: {seen}",
                hint=f"possible types: {', '.join(_INPUT_TYPES)}",
            )
        batch, _, height, width = (side if isinstance(side, int) else None for side in shape)
        size = (height or LAYOUT_PROBE[0], width or LAYOUT_PROBE[1]) if height or width else None
        return inputs[0].name, _INPUT_TYPES[inputs[0].type], InputShape(batch, size)

    def _read_labels(self) -> tuple[str, ...] | None:
        names = self._session.get_modelmeta().custom_metadata_map.get("names")
        try:
            return names_of(ast.literal_eval(names)) if names else None
        except (ValueError, SyntaxError, KeyError):
            return None
