"""When something was seen, drawn over the length of a video."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from vqe.display.spans import Span
from vqe.errors import ConfigError
from vqe.schema import DECIDED_BY, DecidedBy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS: Final[dict[DecidedBy, str]] = {
    "fill": "#56B4E9",
    "difference": "#009E73",
    "specialized": "#E69F00",
    "cache": "#CC79A7",
    "reference": "#0072B2",
}
"""Okabe and Ito's palette, which colour-blind people can tell apart."""

NEUTRAL = "#4D5560"
TRACK = "#F0F1F3"
INK = "#24292F"
FAINT = "#8A929C"


@dataclass(frozen=True)
class Lane:
    """A row of the timeline."""

    name: str
    spans: Sequence[Span]


def timeline_figure(
    duration_us: int, lanes: Sequence[Lane], *, title: str = "", width: float = 10.0
) -> Figure:
    """A timeline of `duration_us`, `width` inches wide, with one lane above the other.

    Spans that say who answered for them are coloured by it, with a legend. Raises ConfigError
    where matplotlib (`vqe[plot]`) is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        hint = "pip install 'vqe[plot]'"
        raise ConfigError("a timeline needs matplotlib, which is missing", hint=hint) from None
    legend = [
        by for by in DECIDED_BY if any(s.decided_by == by for lane in lanes for s in lane.spans)
    ]
    # The layout is in inches, so that lanes look alike in figures of any size.
    above = 0.45 if title else 0.12
    below = 0.68 if legend else 0.4
    lanes_height = 0.42 * len(lanes)
    height = above + lanes_height + below
    left = 0.3 + 0.085 * max((len(lane.name) for lane in lanes), default=0)
    box = (left / width, below / height, (width - 0.3 - left) / width, lanes_height / height)
    figure = Figure(figsize=(width, height), facecolor="white")
    axes = figure.add_axes(box)
    for row, lane in enumerate(lanes):
        _draw_lane(axes, row, lane, duration_us)
    _draw_time_axis(axes, duration_us, len(lanes))
    axes.set_yticks(range(len(lanes)), [lane.name for lane in lanes])
    if title:
        y = 1 - 0.14 / height
        figure.text(box[0], y, title, va="top", fontsize=11.5, color=INK, weight="bold")
    if legend:
        _draw_legend(figure, legend, (box[0], 0.1 / height))
    return figure


def save_timeline(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write `figure` as the suffix of `path` says: .png (200 dots per inch), .svg or .pdf."""
    figure.savefig(path, dpi=200, facecolor="white")


def _draw_lane(axes: Axes, row: int, lane: Lane, duration_us: int) -> None:
    seconds = duration_us / 1e6
    axes.broken_barh([(0, seconds)], (row - 0.28, 0.56), facecolor=TRACK, linewidth=0)
    # A single frame of an hour would be thinner than a pixel, and vanish.
    least = seconds / 1500
    for by in (None, *DECIDED_BY):
        bars = [
            (span.start_us / 1e6, max((span.stop_us - span.start_us) / 1e6, least))
            for span in lane.spans
            if span.decided_by == by
        ]
        colour = NEUTRAL if by is None else COLOURS[by]
        axes.broken_barh(bars, (row - 0.28, 0.56), facecolor=colour, linewidth=0)


def _draw_time_axis(axes: Axes, duration_us: int, n_lanes: int) -> None:
    seconds = duration_us / 1e6
    ticks = np.arange(0, seconds + 1e-9, tick_seconds(seconds))
    axes.set_xlim(0, seconds)
    axes.set_ylim(n_lanes - 0.5, -0.5)  # the first lane on top
    axes.set_xticks(ticks, [clock_text(tick) for tick in ticks])
    axes.tick_params(axis="x", length=3, width=0.6, color=FAINT, labelcolor=FAINT, labelsize=8.5)
    axes.tick_params(axis="y", length=0, pad=8, labelcolor=INK, labelsize=10)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_linewidth(0.6)
        spine.set_color(FAINT)


def _draw_legend(figure: Figure, names: Sequence[DecidedBy], corner: tuple[float, float]) -> None:
    from matplotlib.patches import Patch

    x, y = corner
    baseline = y + 0.03 / figure.get_figheight()
    figure.text(x, baseline, "decided by", fontsize=8.5, color=FAINT)
    figure.legend(
        handles=[Patch(facecolor=COLOURS[name], label=name) for name in names],
        loc="lower left",
        bbox_to_anchor=(x + 0.85 / figure.get_figwidth(), y),
        ncols=len(names),
        frameon=False,
        fontsize=8.5,
        labelcolor=INK,
        borderaxespad=0,
        borderpad=0,
        handlelength=0.9,
        handleheight=0.9,
        handletextpad=0.5,
        columnspacing=1.6,
    )


def tick_seconds(seconds: float) -> float:
    """The roundest distance of ticks that leaves at most ten of them in `seconds`."""
    for step in (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200):
        if seconds / step <= 10:
            return step
    return 21600.0 * math.ceil(seconds / 216000)


def clock_text(seconds: float) -> str:
    """Seconds as mm:ss, with hours or tenths where they are needed: 1:02:30, 01:30, 00:00.5."""
    tenths = round(seconds * 10)
    whole, tenth = divmod(tenths, 10)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{hours}:{minute:02}:{second:02}" if hours else f"{minute:02}:{second:02}"
    return f"{text}.{tenth}" if tenth else text
