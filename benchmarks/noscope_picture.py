"""The results of `noscope` as a picture: speed against error, a panel for each footage.

The SVG carries a digest of what it shows: figures are compared, not the drawing, which differs
between versions of Matplotlib.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.noscope_results import names, video_seconds
from benchmarks.tables import Results, machine_name
from vqe.statistics.units import ErrorCounts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, BAND = "#24292f", "#6e7781", "#eaf5ec"
LOOKS = {
    "reference": ("reference network", "s", "#57606a"),
    "skipping": ("frame skipping", "v", "#57606a"),
    "noscope": ("NoScope", "D", "#bc4c00"),
    "cold": ("vqe, cold", "o", "#0550ae"),
    "again": ("vqe, again", "o", "#0550ae"),
    "other": ("vqe, other object", "o", "#0550ae"),
    "frames": ("vqe, per frame", "o", "#0550ae"),
}
"""Name, marker and colour of each system."""
COLUMNS = 2
PANEL, LEAST_WIDTH, MARGIN = (4.4, 3.1), 6.4, 0.75  # inches
MARKER = 6.5  # points, as all that follows
DPI = 288  # for the layout alone: text in whole pixels of 72 would be measured too wide
NAME_DISTANCE, NAME_HEIGHT = 16, 12
"""Of a name from its point, and of the next name below it."""
NEAR = 110
"""Points closer to each other than that, from left to right, share a column of names."""
DIGEST = "figures "


def draw(results: Results, path: Path) -> None:
    """Writes the picture of `results`, an SVG.

    Raises `SystemExit` where Matplotlib is missing.
    """
    try:
        import matplotlib as mpl
    except ImportError:
        raise SystemExit(f"{path.name} needs Matplotlib: install vqe[plot]") from None
    style: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "vqe",
        "font.size": 9,
        "axes.linewidth": 0.7,
    }
    about = {
        "Title": "Speed against error",
        "Description": DIGEST + digest(results),
        "Creator": None,
        "Date": None,
    }
    with mpl.rc_context(style):
        picture(results).savefig(path, format="svg", metadata=about)


def shown(results: Results) -> dict[str, Any]:
    """The figures of the picture: by footage, for each system its error in % and its speed.

    The error is the larger of FNR and FDR per second of video; a system without either, because
    there was nothing to find and it found nothing, is left out.
    """
    panels = {}
    for found, name in zip(results["footages"], names(results).values(), strict=True):
        seconds = video_seconds(found)
        points = {
            system["system"]: (error, seconds / system["seconds"], system["measured"])
            for system in found["systems"]
            for error in [_error(system)]
            if error is not None
        }
        panels[name] = {
            "object": found["footage"]["label"],
            "minutes": seconds / 60,
            "present": found["realised"]["presence"],
            "decoding": seconds / found["decoding"]["seconds"],
            "points": points,
        }
    bounds = [float(bound) for bound in re.findall(r"WITHIN ([\d.]+)%", results["accuracy"])]
    return {
        "machine": machine_name(results["machine"]),
        "bound": max(bounds, default=0.0),
        "panels": panels,
    }


def digest(results: Results) -> str:
    """Of the figures, so that they can be compared with those of a picture."""
    return hashlib.sha256(json.dumps(shown(results)).encode()).hexdigest()[:16]


def digest_of(path: Path) -> str | None:
    """The digest that a picture carries; None where there is none."""
    found = re.search(rf"{DIGEST}([0-9a-f]{{16}})", path.read_text(encoding="utf-8"))
    return found and found[1]


def picture(results: Results) -> Figure:
    """All panels, with the same axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figures = shown(results)
    panels = figures["panels"]
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    size = (max(PANEL[0] * columns, LEAST_WIDTH), PANEL[1] * rows + MARGIN)
    figure = Figure(figsize=size, dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    every = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flatten()
    for axes in every[len(panels) :]:
        axes.remove()
    used = list(zip(every, panels.items(), strict=False))
    for axes, (name, panel) in used:
        _set_up(axes, name, panel, figures)
    figure.suptitle(f"Speed against error, {figures['machine']}", color=INK, fontsize=11)
    figure.supxlabel(
        "error per second of video: the larger of FNR and FDR, in the shade as promised\n"
        "hollow: scaled, or with calls of the reference network charged",
        color=FAINT,
        fontsize=8.5,
    )
    figure.supylabel("× real time", color=FAINT, fontsize=9)
    figure.draw_without_rendering()  # the layout is known only now, and names are placed in it
    for axes, (_, panel) in used:
        _draw_points(axes, panel)
    figure.set_layout_engine("none")
    return figure


def _error(system: Results) -> float | None:
    counts = ErrorCounts(**system["errors"]["second"])
    rates = [100 * rate for rate in (counts.fnr, counts.fdr) if rate is not None]
    return max(rates, default=None)


def _set_up(axes: Axes, name: str, panel: dict[str, Any], figures: dict[str, Any]) -> None:
    """Axes, title, the promised bound and the speed of decoding."""
    speeds, errors = zip(*_extent(figures), strict=True)
    axes.set_xscale("symlog", linthresh=1)
    axes.set_yscale("log")
    axes.set_xlim(-0.12, max(10.0, *errors) * 1.5)
    axes.set_ylim(min(speeds) / 2.5, max(speeds) * 2)
    axes.set_xticks([0, 0.5, 1, 10, 100][: 5 if max(errors) > 50 else 4])
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}%")
    axes.yaxis.set_major_formatter(lambda y, _: f"{y:,g}×")
    axes.minorticks_off()
    axes.tick_params(colors=FAINT, labelcolor=INK, length=3, labelsize=8.5, labelbottom=True)
    axes.grid(color="#d0d7de", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[:].set_color("#d0d7de")
    axes.axvspan(-0.12, figures["bound"], color=BAND, linewidth=0, zorder=0)
    axes.axhline(panel["decoding"], color=FAINT, linewidth=1, dashes=(4, 3), zorder=1)
    about = f"{panel['object']} in {panel['present']:.1%} of {panel['minutes']:,.0f} minutes"
    axes.set_title(f"{about}\n", loc="left", fontsize=9.5, color=INK, linespacing=1.4)
    axes.text(0, 1.02, name, transform=axes.transAxes, fontsize=8, color=FAINT)


def _extent(figures: dict[str, Any]) -> Iterator[tuple[float, float]]:
    """Speeds and errors that must find room in every panel."""
    for panel in figures["panels"].values():
        yield panel["decoding"], 0.0
        for error, speed, _ in panel["points"].values():
            yield speed, error


def _draw_points(axes: Axes, panel: dict[str, Any]) -> None:
    """Points, and their names in columns beside them, each with a line to its point."""
    points = panel["points"]
    places = {
        system: axes.transData.transform((error, speed)) * 72 / DPI
        for system, (error, speed, _) in points.items()
    }
    middle = axes.bbox.x0 * 72 / DPI + 0.7 * axes.bbox.width * 72 / DPI
    for system, (error, speed, measured) in points.items():
        name, marker, colour = LOOKS[system]
        face = colour if measured == "measured" else "white"
        axes.plot(error, speed, marker, ms=MARKER, mfc=face, mec=colour, mew=1.3, clip_on=False)
        left = places[system][0] > middle
        axes.annotate(
            name,
            (error, speed),
            (-NAME_DISTANCE if left else NAME_DISTANCE, _raised(system, places)),
            textcoords="offset points",
            fontsize=8.5,
            color=colour,
            ha="right" if left else "left",
            va="center",
            arrowprops={"arrowstyle": "-", "lw": 0.6, "color": colour, "shrinkA": 1, "shrinkB": 4},
        )
    line = axes.get_xlim()[1], panel["decoding"]
    style: Any = {"textcoords": "offset points", "fontsize": 8, "color": FAINT, "ha": "right"}
    axes.annotate("decoding alone", line, (-3, 2), **style)


def _raised(system: str, places: dict[str, Any]) -> float:
    """How far above its point a name stands, so that none of its column covers another."""
    x, y = places[system]
    column = sorted(
        (name for name, place in places.items() if abs(place[0] - x) < NEAR),
        key=lambda name: (places[name][1], name),
    )
    # Isotonic regression: crowded names move apart evenly, and the others stay beside their points.
    blocks: list[tuple[float, int]] = []
    for i, name in enumerate(column):
        block = float(places[name][1]) - i * NAME_HEIGHT, 1
        while blocks and blocks[-1][0] > block[0]:
            (one, n), (other, m) = blocks.pop(), block
            block = (one * n + other * m) / (n + m), n + m
        blocks.append(block)
    levels = [level for level, n in blocks for _ in range(n)]
    at = column.index(system)
    return levels[at] + at * NAME_HEIGHT - float(y)
