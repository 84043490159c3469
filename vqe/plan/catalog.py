"""What the binder may ask about videos and models."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class VideoInfo:
    """A video that the catalog has checked: it exists, opens, and has a video stream.

    Of a pattern such as 'cams/*.mp4', the `members` are the files, in the order of their names;
    those are opened when their turn comes. `start_us`: the moment of the first frame, in
    microseconds since 1970, where the video was registered with one.
    """

    name: str  # as the query calls it, and as column `video` shows it
    path: str
    width: int = 0  # of the upright picture, in pixels; 0 where it was not opened yet
    height: int = 0
    members: tuple[VideoInfo, ...] = ()
    start_us: int | None = None


def printable(name: str) -> str:
    """A file's name, with bytes that are no UTF-8 written as `\\udcff`; others as they are."""
    return name.encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True)
class ModelInfo:
    """A reference network, without its weights."""

    name: str
    labels: tuple[str, ...]
    min_score: float  # default of contains(…, min_score => s)
    floor: float  # detections below this score are never reported
    network: object = field(default=None, compare=False, repr=False)  # what the catalog finds it by


class CatalogView(Protocol):
    """Names to things; a lookup raises a VqeError that says what is possible instead."""

    def video(self, name: str) -> VideoInfo:
        """The video registered as `name`, or the file at that path."""

    def file(self, path: str, start_us: int | None = None) -> VideoInfo:
        """The file at that path, or those of a pattern, whatever is registered."""

    def model(self, spec: str | None) -> ModelInfo:
        """The model registered as `spec` or loaded from that spec; None is the default model."""
