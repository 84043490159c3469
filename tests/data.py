"""Where the real clips and detectors lie; a test that asks for an absent one is skipped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE_REPOSITORY = Path(__file__).resolve().parents[2] / "shared" / "data"


def video(name: str) -> Path:
    """The path of a clip."""
    return _path("videos", name)


def model(name: str) -> Path:
    """The path of a detector."""
    return _path("models", name)


def _path(kind: str, name: str) -> Path:
    folder = Path(os.environ.get("VQE_DATA") or _BESIDE_REPOSITORY)
    if not folder.is_dir():
        pytest.skip(f"no data folder at {folder}: set VQE_DATA")
    path = folder / kind / name
    # A folder that is there but incomplete is a mistake, not a reason to skip.
    assert path.is_file(), f"{path} is missing from the data folder"
    return path
