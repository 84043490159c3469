"""From a spec string, a module or a callable to a reference network."""

from __future__ import annotations

import copy
import hashlib
import numbers
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from vqe.detections import FLOOR
from vqe.errors import ModelError
from vqe.models.labels import checked_labels, choose_labels
from vqe.models.layouts import DEFAULT_MIN_SCORE, Layout, recognise
from vqe.models.network import LAYOUT_PROBE, Network, first_line, probe
from vqe.models.onnx_network import OnnxNetwork
from vqe.models.opencv_network import OpenCVNetwork
from vqe.models.pipeline import CallablePipeline, NetworkPipeline
from vqe.models.preprocess import PREPROCESSING_VERSION
from vqe.models.reference import ReferenceNetwork
from vqe.models.spec import parse_spec, possible_specs
from vqe.models.threads import torch_threads
from vqe.models.torch_network import TorchNetwork, load_torchscript

CPU_BATCH = 4
"""Batching gains nothing on a CPU; more would only delay the first answer."""
CUDA_BATCH = 32


def load_reference(
    spec: str | torch.nn.Module | Callable[..., Any],
    *,
    name: str | None = None,
    labels: Sequence[str] | None = None,
    min_score: float | None = None,
    device: str = "auto",
    threads: int | None = None,
) -> ReferenceNetwork:
    """Load a detector, recognise its outputs and find out its input shape by running it.

    `spec` is one of
    - `torchscript:path`; `onnx:path` (ONNX Runtime); `opencv:path` (OpenCV's dnn), the two files of
      a TensorFlow graph joined by a plus sign: `opencv:weights.pb+graph.pbtxt`;
    - a `torch.nn.Module`, of which a copy is moved to the device, widened to float32 and put into
      evaluation mode. It is given float32 RGB 0..1 (N, 3, height, width), or a list of (3, height,
      width) when it answers a list with one dict per picture, as torchvision's detectors do;
    - a callable, uint8 RGB frames (N, H, W, 3) -> per frame a list of (label, score, x0, y0, x1,
      y1), the label a string or an index into `labels`.

    `labels` default to the attribute `labels` of a module or callable, or the names in the file,
    then to COCO's where there are 80 classes (or an SSD, which does not tell). `min_score` defaults
    to the layout's, 0.4. `device` is auto, cpu, cuda or cuda:N; `threads` the intra-op threads on a
    CPU. A module or callable with an attribute `fingerprint` may have its detections stored. Raises
    ModelError, and UnsupportedError for the schemes that are planned.
    """
    where = _torch_device(device)
    checked = check_reference(spec, name=name, labels=labels, min_score=min_score)
    options = _Options(name, checked, min_score, threads)
    if isinstance(spec, str):
        scheme, paths = parse_spec(spec)
        with torch_threads(threads):
            network = _load_files(scheme, paths, where, threads)
        return _network_reference(network, options.named(paths[0].stem), _digest(scheme, paths))
    own = getattr(spec, "fingerprint", None)
    fingerprint = None if own is None else str(own)
    if isinstance(spec, torch.nn.Module):
        with torch_threads(threads):
            network = TorchNetwork(_copy_of(spec), where)
        return _network_reference(network, options.named(type(spec).__name__), fingerprint)
    options = options.named(_called(spec))
    return _callable_reference(spec, options, where, fingerprint)


def check_reference(
    spec: object,
    *,
    name: str | None = None,
    labels: Iterable[str] | None = None,
    min_score: float | None = None,
) -> tuple[str, ...] | None:
    """Raises as `load_reference` does, for all that can be told without loading anything; returns
    the labels, as far as they are known by then."""
    checked = checked_labels(labels)
    _checked_score(min_score, DEFAULT_MIN_SCORE)
    if isinstance(spec, str):
        parse_spec(spec)
        return checked
    if not callable(spec):
        raise ModelError(
            f"a reference network is a spec, a torch module or a callable, not {spec!r}",
            hint=possible_specs(),
        )
    checked = checked or checked_labels(getattr(spec, "labels", None))
    if checked is None and not isinstance(spec, torch.nn.Module):
        raise ModelError(
            f"the callable {name or _called(spec)} does not tell its labels",
            hint="give labels=[…], one name per class it can find",
        )
    return checked


def _called(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


@dataclass(frozen=True)
class _Options:
    """What the caller of `load_reference` said, None where nothing."""

    name: str | None
    labels: tuple[str, ...] | None
    min_score: float | None
    threads: int | None

    def named(self, default: str) -> _Options:
        return self if self.name is not None else replace(self, name=default)


def _torch_device(device: str) -> torch.device:
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, index = device.partition(":")
    if kind not in ("cpu", "cuda") or (index and not index.isdigit()):
        raise ModelError(f"unknown device {device!r}", hint="possible: auto, cpu, cuda, cuda:N")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        raise ModelError(
            f"there is no device {device!r}",
            hint=f"torch sees {torch.cuda.device_count()} CUDA devices; use device='auto' or 'cpu'",
        )
    return torch.device(device)


def _load_files(
    scheme: str, paths: tuple[Path, ...], device: torch.device, threads: int | None
) -> Network:
    if scheme == "torchscript":
        return load_torchscript(paths[0], device)
    if scheme == "onnx":
        return OnnxNetwork(paths[0], cuda=device.type == "cuda", threads=threads)
    return OpenCVNetwork(paths, threads=threads)


def _copy_of(module: torch.nn.Module) -> torch.nn.Module:
    """The module of the caller stays as it is, and what is done to it later changes no answers."""
    try:
        return copy.deepcopy(module)
    except Exception as error:
        raise ModelError(
            f"the module {type(module).__name__} cannot be copied: {first_line(error)}",
            hint="wrap it in a callable, or export it to ONNX or TorchScript",
        ) from error


def _digest(scheme: str, paths: tuple[Path, ...]) -> str:
    digest = hashlib.sha256(scheme.encode())
    for path in paths:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _network_reference(
    network: Network, options: _Options, fingerprint: str | None
) -> ReferenceNetwork:
    name = str(options.name)
    threads = 1 if network.own_threads else options.threads
    layout, n_classes = _recognise(network, name, threads)
    labels, class_index = choose_labels(
        layout, n_classes, given=options.labels, stored=network.labels, name=name
    )
    usual_batch = CUDA_BATCH if network.runs_on.startswith("cuda") else CPU_BATCH
    return ReferenceNetwork(
        NetworkPipeline(network, layout, labels, class_index, threads=threads),
        name=name,
        labels=labels,
        min_score=_checked_score(options.min_score, layout.min_score),
        fingerprint=_identity(
            fingerprint, labels, layout.name, PREPROCESSING_VERSION, class_index.tolist()
        ),
        batch_size=network.input_shape.batch or usual_batch,
        device=network.runs_on,
        runtime=f"{network.runtime}, threads {options.threads or torch.get_num_threads()}",
    )


def _recognise(network: Network, name: str, threads: int | None) -> tuple[Layout, int]:
    size = network.input_shape.size or LAYOUT_PROBE
    try:
        with torch_threads(threads):
            outputs = network.run(probe(network.input_shape.batch or 1, size, network.device))
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(
            f"{name} fails on a grey picture of {size[1]}x{size[0]} pixels: {first_line(error)}"
        ) from error
    return recognise(outputs, size)


def _callable_reference(
    function: Callable[..., Any],
    options: _Options,
    device: torch.device,
    fingerprint: str | None,
) -> ReferenceNetwork:
    assert options.labels is not None
    name = str(options.name)
    return ReferenceNetwork(
        CallablePipeline(function, options.labels, name),
        name=name,
        labels=options.labels,
        min_score=_checked_score(options.min_score, DEFAULT_MIN_SCORE),
        fingerprint=_identity(fingerprint, options.labels),
        batch_size=CUDA_BATCH if device.type == "cuda" else CPU_BATCH,
        device=str(device),
        runtime="a function",
    )


def _identity(fingerprint: str | None, labels: tuple[str, ...], *how: object) -> str | None:
    """The fingerprint of weights together with all else that gives their stored detections a
    meaning: those hold labels by position."""
    if fingerprint is None:
        return None
    return hashlib.sha256(repr((fingerprint, labels, *how)).encode()).hexdigest()


def _checked_score(given: float | None, default: float) -> float:
    score = default if given is None else given
    if not isinstance(score, numbers.Real) or not FLOOR <= score <= 1:
        raise ModelError(f"min_score must lie in [{FLOOR}, 1], got {score!r}")
    return float(score)
