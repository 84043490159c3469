"""Where the clips and detectors lie."""

from __future__ import annotations

import os
from pathlib import Path

_BESIDE_REPOSITORY = Path(__file__).resolve().parents[2] / "shared" / "data"


def clip_path(name: str) -> Path:
    """The path of a clip."""
    return _existing(data_folder() / "videos" / name)


def full_spec(spec: str) -> str:
    """`spec` with paths: a file that is not found as it stands lies among the data's models."""
    scheme, _, files = spec.partition(":")
    paths = [
        file if Path(file).is_file() else str(_existing(data_folder() / "models" / file))
        for file in files.split("+")
    ]
    return f"{scheme}:{'+'.join(paths)}"


def short_spec(spec: str) -> str:
    """`spec` without folders, fit to be published."""
    scheme, _, files = spec.partition(":")
    return f"{scheme}:{'+'.join(Path(file).name for file in files.split('+'))}"


def data_folder() -> Path:
    """The folder with `videos` and `models`; ends the program where there is none."""
    folder = Path(os.environ.get("VQE_DATA") or _BESIDE_REPOSITORY)
    if not folder.is_dir():
        raise SystemExit(
            f"no data folder at {folder}: set VQE_DATA to a folder with videos/ and models/"
        )
    return folder


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise SystemExit(f"{path} is missing from the data folder")
    return path
