"""The videos and models that a connection knows."""

from __future__ import annotations

import os
import re
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from glob import escape, glob
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
from vqe.models.load import load_reference
from vqe.models.reference import ReferenceNetwork
from vqe.models.spec import files_beside
from vqe.plan.catalog import ModelInfo, VideoInfo, printable
from vqe.video.container import video_size

Model: TypeAlias = str | torch.nn.Module | Callable[..., Any]
"""A reference network: a spec such as "onnx:detector.onnx", a module or a callable."""

Load: TypeAlias = Callable[[], ReferenceNetwork]

SEPARATORS = re.escape(os.sep + (os.altsep or ""))

MOST_ADOPTED = 4
"""Networks handed over with a query that are kept, with their weights, for the next query."""


class Catalog:
    """Names to videos and reference networks; networks are loaded at first sight and kept."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.RLock()
        self._videos: dict[str, str] = {}
        self._models: dict[str, Load] = {}
        self._specs: dict[str, Load] = {}
        self._adopted: OrderedDict[str, Load] = OrderedDict()

    def register_video(self, name: str, path: str | os.PathLike[str]) -> None:
        """Makes `name`, in any case, stand for the video at `path`, or for those of a pattern."""
        path = os.fspath(path) if isinstance(path, os.PathLike) else path
        if not (isinstance(name, str) and isinstance(path, str)):
            raise ConfigError(f"a name and a path are strings, got {name!r} and {path!r}")
        self.video(path)  # raises where there is none
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
        if not isinstance(name, str):
            raise ConfigError(f"a name is a string, got {name!r}")
        with self._lock:
            self._models[name] = self._loader(model, name, labels, min_score)

    def adopt(self, model: Model) -> str:
        """A name for a model that is handed over with a query."""
        if isinstance(model, str):
            return model
        name = f"{getattr(model, '__name__', type(model).__name__)}@{id(model):x}"
        with self._lock:
            load = self._adopted.pop(name, None) or self._loader(model, None, None, None)
            self._adopted[name] = load  # now the most recently used
            if len(self._adopted) > MOST_ADOPTED:
                self._adopted.popitem(last=False)
        return name

    def video(self, name: str) -> VideoInfo:
        """A registered video, the file at that path, or the files that a pattern stands for."""
        path = self._videos.get(name.casefold(), name)
        for text in (name, path):
            if printable(text) != text:
                raise VideoError(f"{text!r} has a name that is no valid UTF-8")
        if "://" in path:
            raise UnsupportedError(f"streams such as '{path}' are not supported yet")
        if not os.path.exists(path) and any(c in path for c in "*?["):
            return _files(name, path)
        if not os.path.exists(path):
            raise VideoNotFoundError(
                f"no such file: '{path}'", hint=did_you_mean(name, self._nearby(name))
            )
        width, height = video_size(path)
        return VideoInfo(name=name, path=path, width=width, height=height)

    def model(self, spec: str | None) -> ModelInfo:
        """A registered model or one that its spec describes; None is the default."""
        name = self._default() if spec is None else spec
        with self._lock:
            network = self._find(name)()
        return ModelInfo(name, network.labels, network.min_score, FLOOR, network)

    def network(self, info: ModelInfo) -> ReferenceNetwork:
        """The network behind a ModelInfo that this catalog gave out."""
        return cast(ReferenceNetwork, info.network)

    def _find(self, name: str) -> Load:
        load = self._models.get(name) or self._adopted.get(name) or self._specs.get(name)
        if load is None:
            if ":" not in name:
                raise BindError(
                    f"unknown model '{name}'",
                    hint=did_you_mean(name, self._models) or self._how_to_choose(),
                )
            load = self._specs[name] = self._loader(name, None, None, None)
        return load

    def _loader(
        self, model: Model, name: str | None, labels: Sequence[str] | None, min_score: float | None
    ) -> Load:
        @cache
        def load() -> ReferenceNetwork:
            return load_reference(
                model,
                name=name,
                labels=labels,
                min_score=min_score,
                device=self.settings.device,
                threads=self.settings.threads,
            )

        return load

    def _default(self) -> str:
        outside = os.environ.get("VQE_MODEL")
        if outside:
            return outside
        n = len(self._models)
        if n == 1:
            return next(iter(self._models))
        known = f"{n} are registered" if n else "none is registered"
        raise BindError(
            f"which model is the reference network? {known}", hint=self._how_to_choose()
        )

    def _how_to_choose(self) -> str:
        names = ", ".join(f"'{name}'" for name in self._models)
        return (
            f"registered: {names}; or " if names else ""
        ) + "write USING MODEL 'onnx:detector.onnx', pass model=, or register_model(name, model)"

    def _nearby(self, path: str) -> list[str]:
        """Registered names, and files beside `path`, for a hint."""
        folder = os.path.dirname(path)
        return [*self._videos, *(os.path.join(folder, file) for file in files_beside(Path(path)))]


def _files(name: str, pattern: str) -> VideoInfo:
    """The files of a pattern as one video, in the order of their names.

    A file that links give several names is there once: by the one in the fewest folders, and of
    those the first.
    """
    names: dict[str, str] = {}
    found = {path for path in _matches(pattern) if os.path.isfile(path)}
    for path in sorted(found, key=lambda path: (path.count(os.sep), path)):
        names.setdefault(os.path.realpath(path), path)
    if not names:
        raise VideoNotFoundError(f"no file matches '{pattern}'")
    paths = sorted(names.values())
    return VideoInfo(name, pattern, members=tuple(VideoInfo(path, path) for path in paths))


def _matches(pattern: str) -> Iterator[str]:
    """As glob with `recursive`, which would go round in circles where links lead upwards."""
    stars = re.search(rf"(?:^|(?<=[{SEPARATORS}]))\*\*(?:[{SEPARATORS}]+|$)", pattern)
    if stars is None:
        yield from glob(pattern)
        return
    before, after = pattern[: stars.start()], pattern[stars.end() :]
    if stars[0] == "**":
        after = "*"  # nothing stands behind it: every file
    for top in glob(before) if before else [""]:
        for folder in _folders(top):
            yield from _matches(os.path.join(escape(folder), after))


def _folders(top: str) -> Iterator[str]:
    """The folder `top` and those below it that are not hidden, each once, the nearest first."""
    seen, waiting = set(), deque([top])
    while waiting:
        folder = waiting.popleft()
        place = os.path.realpath(folder)
        if place in seen or not os.path.isdir(place):
            continue
        seen.add(place)
        yield folder
        with suppress(OSError):  # glob passes over folders that it may not read, too
            names = sorted(name for name in os.listdir(place) if not name.startswith("."))
            waiting.extend(os.path.join(folder, name) for name in names)
