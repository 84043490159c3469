"""The videos and models that a connection knows."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch

from vqe.config import Settings
from vqe.detections import FLOOR
from vqe.errors import BindError, UnsupportedError, VideoNotFoundError, did_you_mean
from vqe.models.load import load_reference
from vqe.models.reference import ReferenceNetwork
from vqe.plan.catalog import ModelInfo, VideoInfo
from vqe.video.index import video_size

Model: TypeAlias = str | torch.nn.Module | Callable[..., Any]
"""A reference network: a spec such as "onnx:detector.onnx", a module or a callable."""


class Catalog:
    """Names to videos and reference networks; networks are loaded at first sight and kept."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.RLock()
        self._videos: dict[str, str] = {}
        self._models: dict[str, Callable[[], ReferenceNetwork]] = {}
        self._networks: dict[str, ReferenceNetwork] = {}

    def register_video(self, name: str, path: str) -> None:
        """Makes `name`, in any case, stand for the file at `path`, which must be a video."""
        video_size(path)
        self._videos[name.casefold()] = path

    def register_model(
        self,
        name: str,
        model: Model,
        *,
        labels: Sequence[str] | None = None,
        min_score: float | None = None,
    ) -> None:
        """Makes `name` stand for a reference network: a spec, a module or a callable."""
        with self._lock:
            self._models[name] = self._loader(model, name, labels, min_score)
            self._networks.pop(name, None)

    def adopt(self, model: Model) -> str:
        """A name for a model that is handed over with a query."""
        if isinstance(model, str):
            return model
        name = f"{getattr(model, '__name__', type(model).__name__)}@{id(model):x}"
        with self._lock:
            if name not in self._models:
                self._models[name] = self._loader(model, None, None, None)
        return name

    def video(self, name: str) -> VideoInfo:
        """A registered video, or the file at that path."""
        path = self._videos.get(name.casefold(), name)
        if "://" in name:
            raise UnsupportedError(f"streams such as '{name}' are not supported yet")
        if not os.path.exists(path):
            if any(c in name for c in "*?["):
                raise UnsupportedError("several files in one query are not supported yet")
            raise VideoNotFoundError(
                f"no such file: '{path}'", hint=did_you_mean(name, self._nearby(name))
            )
        width, height = video_size(path)
        return VideoInfo(name=name, path=path, width=width, height=height)

    def model(self, spec: str | None) -> ModelInfo:
        """A registered model or one that its spec describes; None is the default."""
        network = self._network(self._default() if spec is None else spec)
        name = self._default() if spec is None else spec
        return ModelInfo(name, network.labels, network.min_score, FLOOR)

    def network(self, info: ModelInfo) -> ReferenceNetwork:
        """The network behind a ModelInfo that this catalog gave out."""
        return self._network(info.name)

    def _network(self, name: str) -> ReferenceNetwork:
        with self._lock:
            if name not in self._networks:
                load = self._models.get(name)
                if load is None and ":" not in name:
                    raise BindError(
                        f"unknown model '{name}'",
                        hint=did_you_mean(name, self._models) or self._how_to_choose(),
                    )
                self._networks[name] = (load or self._loader(name, None, None, None))()
            return self._networks[name]

    def _loader(
        self, model: Model, name: str | None, labels: Sequence[str] | None, min_score: float | None
    ) -> Callable[[], ReferenceNetwork]:
        settings = self.settings
        return lambda: load_reference(
            model,
            name=name,
            labels=labels,
            min_score=min_score,
            device=settings.device,
            threads=settings.threads,
        )

    def _default(self) -> str:
        if "VQE_MODEL" in os.environ:
            return os.environ["VQE_MODEL"]
        registered = [name for name in self._models if "@" not in name]
        if len(registered) == 1:
            return registered[0]
        known = f"{len(registered)} are registered" if registered else "none is registered"
        raise BindError(
            f"which model is the reference network? {known}", hint=self._how_to_choose()
        )

    def _how_to_choose(self) -> str:
        names = ", ".join(f"'{name}'" for name in self._models if "@" not in name)
        return (
            f"registered: {names}; or " if names else ""
        ) + "write USING MODEL 'onnx:detector.onnx', pass model=, or register_model(name, model)"

    def _nearby(self, path: str) -> list[str]:
        """Registered names, and files beside `path`, for a hint."""
        folder = os.path.dirname(path)
        beside = os.listdir(folder or ".") if os.path.isdir(folder or ".") else []
        return [*self._videos, *(os.path.join(folder, file) for file in beside)]
