"""The videos and models that a connection knows."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

import torch

from vqe.config import Settings
from vqe.detections import FLOOR
from vqe.errors import (
    BindError,
    ConfigError,
    UnsupportedError,
    VideoError,
    VideoNotFoundError,
    did_you_mean,
)
from vqe.models.load import check_reference, load_reference
from vqe.models.reference import ReferenceNetwork
from vqe.models.spec import files_beside
from vqe.plan.catalog import ModelInfo, VideoInfo, printable
from vqe.video.container import video_size
from vqe.video.patterns import files_of, is_pattern

Model: TypeAlias = str | torch.nn.Module | Callable[..., Any]
"""A reference network: a spec such as "onnx:detector.onnx", a module or a callable."""

MOST_ADOPTED = 4
"""Networks handed over with a query that are kept, with their weights, for the next query."""


@dataclass(frozen=True)
class RegisteredVideo:
    """A name, spelled as it was given, the path or pattern that it stands for, and the moment of
    the first frame in microseconds since 1970, where it is known."""

    name: str
    path: str
    start_us: int | None = None


class NamedModel:
    """A reference network that is loaded when it is first needed; `loaded` is None until then.

    `name`: spelled as it was given; `source`: the spec, or what kind of object it was.
    """

    def __init__(self, name: str, source: str, load: Callable[[], ReferenceNetwork]) -> None:
        self.name = name
        self.source = source
        self.loaded: ReferenceNetwork | None = None
        self._load = load
        self._lock = threading.Lock()

    def network(self) -> ReferenceNetwork:
        """The network, ready to run."""
        with self._lock:
            if self.loaded is None:
                self.loaded = self._load()
            return self.loaded


class Catalog:
    """Names to videos and reference networks; networks are loaded at first sight and kept."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.RLock()
        self._videos: dict[str, RegisteredVideo] = {}
        self._models: dict[str, NamedModel] = {}
        self._specs: dict[str, NamedModel] = {}
        self._adopted: OrderedDict[str, NamedModel] = OrderedDict()

    def register_video(
        self, name: str, path: str, start_us: int | None = None, *, replace: bool = True
    ) -> None:
        """Makes `name`, in any case, stand for the video at `path`, or for those of a pattern.

        Raises where there is none, and, unless it may `replace` one, where the name is taken.
        """
        self.file(path, start_us)
        if not name or printable(name) != name:
            raise BindError(f"{name!r} cannot be the name of a video")
        with self._lock:
            taken = self._videos.get(name.casefold())
            if taken is not None and not replace:
                raise BindError(
                    f"there is a video '{taken.name}' already, which stands for '{taken.path}'",
                    hint="CREATE OR REPLACE VIDEO takes its place, DROP VIDEO makes room",
                )
            self._videos[name.casefold()] = RegisteredVideo(name, path, start_us)

    def drop_video(self, name: str, *, if_exists: bool = False) -> bool:
        """Forgets a registered name, in any case; the file stays. False where there was none."""
        with self._lock:
            if self._videos.pop(name.casefold(), None) is not None:
                return True
        if if_exists:
            return False
        names = [video.name for video in self.videos()]
        known = f"registered: {', '.join(names)}" if names else "none is registered"
        hint = did_you_mean(name, names) or known
        raise BindError(f"no video is registered as '{name}'", hint=hint)

    def videos(self) -> list[RegisteredVideo]:
        """The registered videos, in the order of their names."""
        with self._lock:
            return [self._videos[key] for key in sorted(self._videos)]

    def register_model(
        self,
        name: str,
        model: Model,
        *,
        labels: Sequence[str] | None = None,
        min_score: float | None = None,
    ) -> None:
        """Makes `name`, in any case, stand for a network: a spec, a module or a callable.

        Raises where that can be told to be none; it is loaded when it is first needed.
        """
        if not isinstance(name, str) or not name:
            raise ConfigError(f"a name is a string, got {name!r}")
        checked = check_reference(model, name=name, labels=labels, min_score=min_score)
        with self._lock:
            self._models[name.casefold()] = self._named(name, model, name, checked, min_score)

    def adopt(self, model: Model) -> str:
        """A name for a model that is handed over with a query."""
        if isinstance(model, str):
            return model
        name = f"{_kind(model)}@{id(model):x}"
        with self._lock:
            adopted = self._adopted.pop(name, None) or self._named(name, model)
            self._adopted[name] = adopted  # now the most recently used
            if len(self._adopted) > MOST_ADOPTED:
                self._adopted.popitem(last=False)
        return name

    def models(self) -> list[NamedModel]:
        """The registered models, in the order of their names."""
        with self._lock:
            return [self._models[key] for key in sorted(self._models)]

    def video(self, name: str) -> VideoInfo:
        """A registered video, the file at that path, or the files that a pattern stands for.

        A registered name goes before a file that is called the same.
        """
        with self._lock:
            video = self._videos.get(name.casefold())
        path, start_us = (name, None) if video is None else (video.path, video.start_us)
        return self._file(name, path, start_us)

    def file(self, path: str, start_us: int | None = None) -> VideoInfo:
        """The file at that path, or those of a pattern, whatever is registered."""
        return self._file(path, path, start_us)

    def _file(self, name: str, path: str, start_us: int | None) -> VideoInfo:
        for text in (name, path):
            if printable(text) != text:
                raise VideoError(f"{text!r} has a name that is no valid UTF-8")
        if "://" in path:
            raise UnsupportedError(f"streams such as '{path}' are not supported yet")
        if is_pattern(path):
            if start_us is not None:
                raise BindError(
                    f"'{path}' may be several files, which do not start at one moment",
                    hint="give each file a name of its own, and the moment at which it starts",
                )
            members = tuple(VideoInfo(file, file) for file in files_of(path))
            return VideoInfo(name, path, members=members)
        if not os.path.exists(path):
            raise VideoNotFoundError(
                f"no such file: '{path}'", hint=did_you_mean(name, self._nearby(name))
            )
        width, height = video_size(path)
        return VideoInfo(name, path, width, height, start_us=start_us)

    def model(self, spec: str | None) -> ModelInfo:
        """A registered model or one that its spec describes; None is the default."""
        with self._lock:
            model = self._find(self.default_model() if spec is None else spec)
        network = model.network()
        return ModelInfo(model.name, network.labels, network.min_score, FLOOR, network)

    def network(self, info: ModelInfo) -> ReferenceNetwork:
        """The network behind a ModelInfo that this catalog gave out."""
        return cast(ReferenceNetwork, info.network)

    def _find(self, name: str) -> NamedModel:
        known = self._models.get(name.casefold())
        known = known or self._adopted.get(name) or self._specs.get(name)
        if known is None:
            if ":" not in name:
                names = [model.name for model in self.models()]
                raise BindError(
                    f"unknown model '{name}'",
                    hint=did_you_mean(name, names) or self._how_to_choose(),
                )
            known = self._specs[name] = self._named(name, name)
        return known

    def _named(
        self,
        name: str,
        model: Model,
        shown: str | None = None,
        labels: Sequence[str] | None = None,
        min_score: float | None = None,
    ) -> NamedModel:
        """`shown`: what the network is called in plans, where its spec does not say it."""

        def load() -> ReferenceNetwork:
            return load_reference(
                model,
                name=shown,
                labels=labels,
                min_score=min_score,
                device=self.settings.device,
                threads=self.settings.threads,
            )

        return NamedModel(name, model if isinstance(model, str) else _kind(model), load)

    def default_model(self) -> str:
        """The model of queries that name none: VQE_MODEL, or the only registered one."""
        outside = os.environ.get("VQE_MODEL")
        if outside:
            return outside
        n = len(self._models)
        if n == 1:
            return self.models()[0].name
        known = f"{n} are registered" if n else "none is registered"
        raise BindError(
            f"which model is the reference network? {known}", hint=self._how_to_choose()
        )

    def _how_to_choose(self) -> str:
        names = ", ".join(f"'{model.name}'" for model in self.models())
        return (
            f"registered: {names}; or " if names else ""
        ) + "write USING MODEL 'onnx:detector.onnx', pass model=, or register_model(name, model)"

    def _nearby(self, path: str) -> list[str]:
        """Registered names, and files beside `path`, for a hint."""
        folder = os.path.dirname(path)
        names = [video.name for video in self.videos()]
        return [*names, *(os.path.join(folder, file) for file in files_beside(Path(path)))]


def _kind(model: object) -> str:
    """What a model that is no spec is called."""
    return str(getattr(model, "__name__", type(model).__name__))
