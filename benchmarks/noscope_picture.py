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
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

INK, FAINT, BAND = "#24292f", "#6e7781", "#eaf5ec"
LOOKS = {
    "reference": ("reference network", "s", "#57606a"),
    "skipping": ("frame skipping", "v", "#57606a"),
    "noscope": ("NoScope", "D", "#bc4c00"),
    "cold": ("vqe, cold", "o", "#0550ae"),
    "again": ("vqe, again", "o", "#0550ae"),
    "other": ("vqe, other object", "o", "#0550ae"),
}
"""Name, marker and colour of each system."""
COLUMNS = 2
PANEL, LEAST_WIDTH, MARGIN = (4.4, 3.1), 6.4, 0.75  # inches
MARKER = 6.5  # points, as all that follows
DPI = 288  # for the layout alone: text in whole pixels of 72 would be measured too wide
PLACES = [
    *((6 * side, 11 * step) for step in (0, 1, -1) for side in (1, -1)),
    *((0, 11 * step) for step in (1, -1)),
    *((6 * side, 11 * step) for step in (2, -2, 3, -3, 4, -4) for side in (1, -1)),
]
"""Where the name of a point may stand beside it, the best first."""
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
    canvas: Any = FigureCanvasAgg(figure)
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
        _draw_points(axes, panel, canvas.get_renderer())
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


def _draw_points(axes: Axes, panel: dict[str, Any], renderer: Any) -> None:
    """Points and their names, which keep clear of points, of each other and of the edge."""
    from matplotlib.transforms import Bbox

    taken, side = [], MARKER * DPI / 72
    for system, (error, speed, measured) in panel["points"].items():
        _, marker, colour = LOOKS[system]
        face = colour if measured == "measured" else "white"
        axes.plot(error, speed, marker, ms=MARKER, mfc=face, mec=colour, mew=1.3, clip_on=False)
        x, y = axes.transData.transform((error, speed))
        taken.append(Bbox.from_bounds(x - side / 2, y - side / 2, side, side))
    at = {LOOKS[system][0]: (LOOKS[system][2], point) for system, point in panel["points"].items()}
    for name, (colour, (error, speed, _)) in at.items():
        label = axes.annotate(
            name, (error, speed), (0, 0), textcoords="offset points", fontsize=8.5, color=colour
        )
        taken.append(_place(label, taken, axes.bbox, renderer).padded(side / 3, 0))
    line = axes.get_xlim()[1], panel["decoding"]
    style: Any = {"textcoords": "offset points", "fontsize": 8, "color": FAINT, "ha": "right"}
    axes.annotate("decoding alone", line, (-3, 2), **style)


def _place(label: Annotation, taken: list[Bbox], edge: Bbox, renderer: Any) -> Bbox:
    """Moves `label` to the first of the places that hides least; where it is then."""

    def move(place: tuple[int, int]) -> Bbox:
        label.set_position(place)
        label.set_horizontalalignment("left" if place[0] > 0 else "right" if place[0] else "center")
        label.set_verticalalignment("center")
        return label.get_window_extent(renderer)

    def hidden(place: tuple[int, int]) -> float:
        box = move(place)
        outside = box.width * box.height - _overlap(box, edge)
        return round(outside + sum(_overlap(box, other) for other in taken), 3)

    return move(min(PLACES, key=hidden))


def _overlap(one: Bbox, other: Bbox) -> float:
    """Their common area."""
    from matplotlib.transforms import Bbox

    common = Bbox.intersection(one, other)
    return 0.0 if common is None else float(common.width * common.height)
