"""From frames to the pictures a network takes, and from its boxes back to the frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

PREPROCESSING_VERSION = 2
"""Part of every fingerprint: raise it when the same frame would give other detections."""

LONG_SIDE = 640
SIDE_MULTIPLE = 32
GREY = 114.0

Size = tuple[int, int]
"""Height and width in pixels."""


@dataclass(frozen=True)
class Preprocessing:
    """What a layout expects of its input pictures.

    `fit`: `letterbox` keeps the aspect and centres, `corner` keeps it and fills right and below,
    `stretch` fills the whole input, `native` leaves the frame as it is. Values 0..255 times `scale`
    less `mean` are divided by `std`, in the channel order of the network (`bgr` or RGB).
    `antialias` is off for networks whose authors shrink pictures without it. `size` is the input
    size where the network accepts any.
    """

    fit: Literal["letterbox", "corner", "stretch", "native"]
    bgr: bool = False
    scale: float = 1 / 255
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    antialias: bool = True
    size: Size | None = None


@dataclass(frozen=True)
class Placement:
    """Where a frame of size `frame` lies in a network input of size `canvas`: resized to `content`
    with its corner at (`left`, `top`)."""

    frame: Size
    canvas: Size
    content: Size
    left: int = 0
    top: int = 0

    def to_frame(self, box: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """Boxes (K, 4) in input pixels, as float32 in pixels of the frame, clipped to it."""
        (height, width), (content_height, content_width) = self.frame, self.content
        scale = np.array([width / content_width, height / content_height] * 2)
        moved = (box - np.array([self.left, self.top] * 2)) * scale
        clipped: NDArray[np.floating[Any]] = np.clip(moved, 0, [width, height, width, height])
        return clipped.astype(np.float32)


def video_shape(frame: Size) -> Size:
    """The input shape for frames of this size: long side 640, both sides multiples of 32.

    A square input would spend 40 % of its pixels on grey bars beside a 16:9 picture.
    """
    content = _scaled(frame, LONG_SIDE / max(frame))
    return (
        -(-content[0] // SIDE_MULTIPLE) * SIDE_MULTIPLE,
        -(-content[1] // SIDE_MULTIPLE) * SIDE_MULTIPLE,
    )


def place(frame: Size, canvas: Size | None, fit: str) -> Placement:
    """Where frames of size `frame` go; `canvas` None stands for the video's own shape."""
    if fit == "native":
        return Placement(frame, frame, frame)
    canvas = canvas or video_shape(frame)
    if fit == "stretch":
        return Placement(frame, canvas, canvas)
    content = _scaled(frame, min(canvas[0] / frame[0], canvas[1] / frame[1]))
    if fit == "corner":
        return Placement(frame, canvas, content)
    return Placement(
        frame,
        canvas,
        content,
        left=(canvas[1] - content[1]) // 2,
        top=(canvas[0] - content[0]) // 2,
    )


def _scaled(size: Size, factor: float) -> Size:
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def prepare(
    frames: torch.Tensor, place: Placement, how: Preprocessing, device: torch.device
) -> torch.Tensor:
    """uint8 frames (N, H, W, 3) RGB in main memory as the network's input on `device`, float32
    (N, 3, h, w)."""
    pictures = frames.permute(0, 3, 1, 2)
    if place.content != place.frame:
        # Here and not on the device: torch resizes bytes on CPUs alone, floats round differently,
        # and one grey value moves scores by up to 0.1. What is left to copy is smaller, too.
        pictures = F.interpolate(
            pictures, size=place.content, mode="bilinear", antialias=how.antialias
        )
    pictures = pictures.to(device)
    if how.bgr:
        pictures = pictures.flip(1)
    if place.content != place.canvas:
        below = place.canvas[0] - place.content[0] - place.top
        right = place.canvas[1] - place.content[1] - place.left
        pictures = F.pad(pictures, (place.left, right, place.top, below), value=GREY)
    values = pictures.float() * how.scale
    if any(how.mean) or how.std != (1.0, 1.0, 1.0):
        values -= values.new_tensor(how.mean).view(1, 3, 1, 1)
        values /= values.new_tensor(how.std).view(1, 3, 1, 1)
    return values
