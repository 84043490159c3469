"""Clips of every shape, made once."""

from __future__ import annotations

from pathlib import Path

import pytest
from clips import Clip, Visit, make_clip
from shapes import SHAPES


@pytest.fixture(scope="session")
def clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """The clip of SHAPES that the test is parametrised with."""
    return _made(request.param, tmp_path_factory)


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return _made("plain.mp4", tmp_path_factory)


_clips: dict[str, Clip] = {}


def _made(name: str, factory: pytest.TempPathFactory) -> Clip:
    if name not in _clips:
        options = {"frames": 100, "visits": [Visit(20, 45), Visit(70, 90, "cat")], **SHAPES[name]}
        path: Path = factory.mktemp("clips") / name
        _clips[name] = make_clip(path, **options)  # type: ignore[arg-type]
    return _clips[name]
