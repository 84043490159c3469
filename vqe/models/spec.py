"""Spec strings: how a statement or a setting names the files of a reference network."""

from __future__ import annotations

import difflib
from pathlib import Path

from vqe.errors import ModelError, UnsupportedError, did_you_mean

SCHEMES = {
    "torchscript": "torchscript:model.torchscript",
    "onnx": "onnx:model.onnx",
    "opencv": "opencv:weights.pb+graph.pbtxt",
}
_PLANNED_SCHEMES = ("torchvision", "transformers", "ultralytics")
_SCHEME_OF_SUFFIX = {
    ".onnx": "onnx",
    ".torchscript": "torchscript",
    ".pt": "torchscript",
    ".pb": "opencv",
}


def parse_spec(spec: str) -> tuple[str, tuple[Path, ...]]:
    """`scheme:path` as the scheme and its existing files. Raises ModelError or UnsupportedError."""
    scheme, colon, rest = spec.partition(":")
    if scheme in _PLANNED_SCHEMES and colon:
        raise UnsupportedError(
            f"reference networks from {scheme} are not built yet: {spec!r}",
            hint=f"export the model to ONNX or TorchScript, or pass the module itself; "
            f"{possible_specs()}",
        )
    if scheme not in SCHEMES or not colon:
        near = did_you_mean(scheme, SCHEMES) if colon else ""
        suggested = _SCHEME_OF_SUFFIX.get(Path(spec).suffix.lower())
        if not near and suggested:
            near = f"did you mean '{suggested}:{spec}'?"
        raise ModelError(
            f"{spec!r} does not name a reference network",
            hint=f"{near} {possible_specs()}".strip(),
        )
    paths = _split_paths(rest) if scheme == "opencv" else (Path(rest).expanduser(),)
    for path in paths:
        if not path.is_file():
            raise ModelError(f"there is no file {path}", hint=_similar_files(path))
    return scheme, paths


def possible_specs() -> str:
    """What can be loaded, for a hint."""
    return f"possible: {', '.join(SCHEMES.values())}, a torch.nn.Module, a callable"


def files_beside(path: Path) -> list[str]:
    """The names in the folder of `path`, for a hint; none where it cannot be read."""
    try:
        return [one.name for one in path.parent.iterdir() if one.is_file()]
    except OSError:
        return []


def _split_paths(text: str) -> tuple[Path, ...]:
    """One file or two joined by a plus sign, which names of files may contain as well."""
    if Path(text).expanduser().is_file() or "+" not in text:
        return (Path(text).expanduser(),)
    cuts = [i for i, character in enumerate(text) if character == "+"]
    pairs = [(Path(text[:i]).expanduser(), Path(text[i + 1 :]).expanduser()) for i in cuts]
    return next((pair for pair in pairs if pair[0].is_file() and pair[1].is_file()), pairs[0])


def _similar_files(path: Path) -> str:
    if not path.parent.is_dir():
        return f"there is no folder {path.parent} either"
    near = difflib.get_close_matches(path.name, files_beside(path), n=3)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else ""
