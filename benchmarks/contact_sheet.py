"""A footage at a glance: pictures spread over it, and its time line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.footage import Footage
from vqe.video.indexing import build_index
from vqe.video.reader import Reader
from vqe.video.strategies import FrameSet

COLUMNS, ROWS = 6, 5
PICTURE_WIDTH = 320


def write_sheet(footage: Footage, video: Path) -> Path:
    """Writes the contact sheet of a footage beside its video, as a PNG."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    numbers = chosen(footage)
    pictures = _pictures(video, numbers)
    with mpl.rc_context({"font.family": "sans-serif", "font.size": 8}):
        figure = Figure(figsize=(15, 10.2), dpi=110, layout="constrained")
        figure.suptitle(_title(footage))
        grid = figure.add_gridspec(ROWS + 1, COLUMNS, height_ratios=[1.0] * ROWS + [0.75])
        for i, (number, picture) in enumerate(zip(numbers, pictures, strict=True)):
            axes = figure.add_subplot(grid[i // COLUMNS, i % COLUMNS])
            axes.imshow(picture)
            visiting = any(v.start <= number < v.stop for v in footage.timeline.visits)
            axes.set_title(
                f"{_clock(number / footage.fps)}{'  ' + footage.of.label if visiting else ''}",
                color="#b3261e" if visiting else "black",
                fontweight="bold" if visiting else "normal",
                pad=2,
            )
            axes.axis("off")
        _draw_timeline(figure.add_subplot(grid[ROWS, :]), footage, numbers)
        path = video.with_suffix(".png")
        figure.savefig(path)
    return path


def chosen(footage: Footage) -> NDArray[np.int64]:
    """Ordinals of the pictures shown, int64, ascending: half of them in visits."""
    n, visits = COLUMNS * ROWS, footage.timeline.visits
    spread = np.linspace(0, len(visits) - 1, min(n // 2, len(visits))).astype(int)
    inside = [(visits[i].start + visits[i].stop) // 2 for i in np.unique(spread)]
    others = np.setdiff1d(np.arange(footage.frames), inside)
    even = others[np.linspace(0, len(others) - 1, n - len(inside)).astype(int)]
    return np.sort(np.concatenate([np.array(inside, np.int64), even]))


def _pictures(video: Path, numbers: NDArray[np.int64]) -> list[NDArray[np.uint8]]:
    index = build_index(str(video), lambda: None)
    step = max(index.width // PICTURE_WIDTH, 1)
    batches = Reader().read(FrameSet().plan(index, numbers))
    return [
        batch.rgb(row)[step // 2 :: step, step // 2 :: step]
        for batch in batches
        for row in range(len(batch))
    ]


def _draw_timeline(axes: Any, footage: Footage, numbers: NDArray[np.int64]) -> None:
    minutes = np.arange(footage.frames) / footage.fps / 60
    step = max(footage.frames // 2000, 1)
    axes.plot(minutes[::step], footage.timeline.light[::step], color="#c77700", lw=1)
    axes.set_ylabel("light")
    axes.set_ylim(0, None)
    for visit in footage.timeline.visits:
        axes.axvspan(minutes[visit.start], minutes[visit.stop - 1], color="#b3261e", alpha=0.35)
    axes.plot(minutes[numbers], np.zeros(len(numbers)), "k|", clip_on=False)
    axes.set_xlim(0, minutes[-1])
    axes.set_xlabel("minutes; red: visits, orange: brightness, ticks: the pictures above")
    axes.spines[["top", "right"]].set_visible(False)


def _title(footage: Footage) -> str:
    presence = f"{footage.presence:.1%} {footage.of.label}"
    visits = len(footage.timeline.visits)
    return (
        f"{footage.key}: {footage.frames:,} frames of {footage.width}×{footage.height} at "
        f"{footage.fps:g} fps, {presence} in {visits} visits, resampled from {footage.of.clip}"
    )


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
