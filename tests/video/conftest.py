"""Clips of every shape, made once."""

from __future__ import annotations

from pathlib import Path

import pytest
from clips import Clip, Visit, make_clip
from shapes import REMADE, SHAPES


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
        visits = [Visit(20, 40), Visit(45, 55, "cat")]
        options = {"frames": 60, "size": (80, 64), "visits": visits, **SHAPES[name]}
        path: Path = factory.mktemp("clips") / name
        _clips[name] = make_clip(path, **options)  # type: ignore[arg-type]
        if name in REMADE:
            REMADE[name](path)
    return _clips[name]
