from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from vqe.display.spans import Span, runs
from vqe.display.timeline import (
    COLOURS,
    Lane,
    clock_text,
    save_timeline,
    tick_seconds,
    timeline_figure,
)
from vqe.errors import ConfigError
from vqe.schema import DECIDED_BY, DecidedBy

STEP = 40_000


def test_consecutive_frames_merge() -> None:
    frames = np.array([3, 4, 5, 9, 20, 21])
    assert runs(frames, frames * STEP) == [
        Span(3 * STEP, 6 * STEP),
        Span(9 * STEP, 10 * STEP),
        Span(20 * STEP, 22 * STEP),
    ]


def test_a_change_of_decider_ends_a_span() -> None:
    frames = np.array([0, 1, 2, 3])
    spans = runs(frames, frames * STEP, ["fill", "fill", "reference", "fill"])
    assert spans == [
        Span(0, 2 * STEP, "fill"),
        Span(2 * STEP, 3 * STEP, "reference"),
        Span(3 * STEP, 4 * STEP, "fill"),
    ]


def test_the_next_frame_decides_where_a_span_stops() -> None:
    spans = runs(np.array([0, 1, 2]), np.array([0, 10, 500]), ["fill", "reference", "fill"])
    assert [span.stop_us for span in spans[:2]] == [10, 500]


def test_no_frames_no_spans() -> None:
    assert runs(np.array([], np.int64), np.array([], np.int64)) == []


def test_a_lone_frame_has_a_start() -> None:
    assert runs(np.array([7]), np.array([7 * STEP])) == [Span(7 * STEP, 7 * STEP)]


@given(st.sets(st.integers(0, 200)))
def test_spans_cover_the_frames_and_nothing_else(chosen: set[int]) -> None:
    frames = np.array([f for one in sorted(chosen) for f in (2 * one, 2 * one + 1)], np.int64)
    spans = runs(frames, frames * STEP)
    covered = [f for span in spans for f in range(span.start_us // STEP, span.stop_us // STEP)]
    assert covered == frames.tolist()
    assert all(a.stop_us < b.start_us for a, b in itertools.pairwise(spans))


def two_lanes() -> list[Lane]:
    frames = np.arange(100, 200)
    by: list[DecidedBy] = ["fill" if frame < 150 else "reference" for frame in frames]
    return [
        Lane("reference network", runs(frames, frames * STEP)),
        Lane("vqe", runs(frames, frames * STEP, by)),
    ]


def test_a_figure_names_its_lanes_and_colours() -> None:
    figure = timeline_figure(60_000_000, two_lanes(), title="frames with a cat")
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["reference network", "vqe"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["fill", "reference"]
    assert axes.get_xlim() == (0, 60)
    assert axes.get_xticklabels()[1].get_text() == "00:10"
    drawn = {
        to_hex(np.asarray(c.get_facecolor())[0]) for c in axes.collections if len(c.get_paths())
    }
    assert {COLOURS["fill"].lower(), COLOURS["reference"].lower()} <= drawn


def test_no_legend_without_deciders() -> None:
    assert timeline_figure(60_000_000, two_lanes()[:1]).legends == []


def test_a_single_frame_of_a_day_can_be_seen() -> None:
    day = 24 * 3_600_000_000
    figure = timeline_figure(day, [Lane("vqe", [Span(0, STEP)])])
    bars = [path.get_extents() for c in figure.axes[0].collections for path in c.get_paths()]
    pixels = min(bar.width for bar in bars) / (day / 1e6) * figure.get_figwidth() * 200
    assert pixels > 1


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_saving(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"timeline.{suffix}"
    save_timeline(timeline_figure(60_000_000, two_lanes()), path)
    assert path.read_bytes()[:5] in (b"\x89PNG\r", b"<?xml")


def test_without_matplotlib_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError, match=r"vqe\[plot\]"):
        timeline_figure(1_000_000, [])


@given(st.floats(0.05, 1e7))
def test_ticks_are_few(seconds: float) -> None:
    assert seconds / tick_seconds(seconds) <= 10


def test_clock() -> None:
    assert [clock_text(s) for s in (0, 0.5, 90, 3750)] == ["00:00", "00:00.5", "01:30", "1:02:30"]


def test_every_decider_has_a_colour() -> None:
    assert set(COLOURS) == set(DECIDED_BY)
