"""Regions of the picture."""

from __future__ import annotations

from vqe.errors import BindError

Box = tuple[float, float, float, float]


def check_corners(box: Box) -> None:
    """Raises BindError where the box is empty, whatever the size of the picture."""
    x0, y0, x1, y1 = box
    if not (x0 < x1 and y0 < y1):
        raise BindError(
            "box(x0, y0, x1, y1) needs x0 < x1 and y0 < y1",
            hint="x grows to the right and y downwards",
        )


def region_in_pixels(box: Box, width: int, height: int) -> Box | None:
    """(x0, y0, x1, y1) in pixels of a picture of that size; None is the whole picture.

    `box` is in pixels, or in shares of the picture where all four numbers are at most 1. Raises
    BindError where it is empty or lies outside.
    """
    x0, y0, x1, y1 = box
    if max(box) <= 1:
        x0, x1 = x0 * width, x1 * width
        y0, y1 = y0 * height, y1 * height
    check_corners(box)
    if x1 <= 0 or y1 <= 0 or x0 >= width or y0 >= height:
        raise BindError(f"the box lies outside the {width}×{height} frame")
    whole = (0.0, 0.0, float(width), float(height))
    region = (max(x0, 0.0), max(y0, 0.0), min(x1, whole[2]), min(y1, whole[3]))
    # The whole frame is no restriction: it has the centres on its right and lower edge as well.
    return None if region == whole else region
