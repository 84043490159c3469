from __future__ import annotations

import io
import sys
import threading
import types

import pytest
from rich.console import Console

from vqe.display.progress import DELAY_SECONDS, ProgressBar
from vqe.runtime.progress import Progress, SilentProgress


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_short_query_shows_nothing() -> None:
    clock, console = Clock(), terminal()
    with ProgressBar(console=console, clock=clock) as bar:
        bar.phase("labelling", 100)
        clock.seconds += DELAY_SECONDS - 0.1
        bar.advance(100)
    assert written(console) == ""


def test_the_time_before_a_query_runs_does_not_count() -> None:
    clock, console = Clock(), terminal()
    with ProgressBar(console=console, clock=clock) as bar:
        clock.seconds += 3600
        bar.phase("labelling", 100)
        bar.advance(100)
    assert written(console) == ""


def test_a_long_query_shows_phase_rate_and_total() -> None:
    clock, console = Clock(), terminal()
    with ProgressBar(console=console, clock=clock) as bar:
        bar.phase("labelling", 4000)
        for _ in range(20):
            clock.seconds += 0.5
            bar.advance(100)
            bar._bar.refresh()
    text = written(console)
    assert "labelling" in text
    assert "2,000/4,000" in text
    assert "200 frames/s" in text
    assert "0:00:10" in text  # elapsed, and remaining


def test_nothing_is_left_behind() -> None:
    clock, console = Clock(), terminal()
    with ProgressBar(console=console, clock=clock) as bar:
        bar.phase("labelling", None)
        clock.seconds += 10
        bar.phase("scanning", None)
    last_erase = written(console).rindex("\x1b[2K")
    assert written(console)[last_erase:].strip("\r\n") == "\x1b[2K"


def test_a_phase_without_a_total_follows_one_with() -> None:
    clock, console = Clock(), terminal()
    with ProgressBar(console=console, clock=clock) as bar:
        bar.phase("labelling", 10)
        clock.seconds += 10
        bar.phase("watching", None, "packets")
        bar.advance(7)
        bar._bar.refresh()
    assert "7 packets" in written(console)


@pytest.mark.parametrize("enabled", [None, False])
def test_quiet_outside_a_terminal(enabled: bool | None) -> None:
    clock = Clock()
    console = Console(file=io.StringIO(), force_terminal=False)
    with ProgressBar(enabled=enabled, console=console, clock=clock) as bar:
        bar.phase("scanning", 10)
        clock.seconds += 10
        bar.advance(10)
    assert written(console) == ""


def test_enabled_overrules_what_stderr_is(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with ProgressBar(enabled=True, clock=clock) as bar:
        bar.phase("scanning", 10)
        clock.seconds += 10
        bar.advance(1)
    out, err = capsys.readouterr()
    assert "scanning" in err
    assert out == ""


def test_closing_twice_and_later_calls_do_nothing() -> None:
    clock, console = Clock(), terminal()
    bar = ProgressBar(console=console, clock=clock)
    bar.close()
    bar.close()
    clock.seconds += 10
    bar.phase("scanning", 10)
    bar.advance(1)
    assert written(console) == ""


def test_counts_from_many_threads_add_up() -> None:
    with ProgressBar(enabled=True, console=terminal()) as bar:
        bar.phase("scanning", 4000)

        def count() -> None:
            for _ in range(500):
                bar.advance(1)

        threads = [threading.Thread(target=count) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert bar._bar.tasks[0].completed == 4000


def test_a_notebook_cell_is_redrawn_in_place_and_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    class Handle:
        def update(self, html: str) -> None:
            drawn.append(html)

    def display(html: str, display_id: bool) -> Handle:
        drawn.append(html)
        return Handle()

    fake = types.SimpleNamespace(display=display, HTML=lambda text: text)
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", fake)
    clock = Clock()
    console = Console(file=io.StringIO(), force_jupyter=True)
    with ProgressBar(console=console, clock=clock) as bar:
        bar.phase("indexing", 10)
        clock.seconds += 10
        bar.phase("scanning", 10)
        bar.advance(5)  # too soon to be drawn
        clock.seconds += 1
        bar.advance(5)
    assert [("scanning" in html, "10/10" in html) for html in drawn] == [
        (True, False),
        (True, True),
        (False, False),
    ]


@pytest.mark.parametrize("enabled", [None, True, False])
def test_without_standard_streams(monkeypatch: pytest.MonkeyPatch, enabled: bool | None) -> None:
    """As under pythonw, or in a service."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    clock = Clock()
    with ProgressBar(enabled=enabled, clock=clock) as bar:
        bar.phase("scanning", 10)
        clock.seconds += 10
        bar.advance(1)


def test_both_follow_the_protocol() -> None:
    followers: list[Progress] = [SilentProgress(), ProgressBar(enabled=False)]
    for progress in followers:
        progress.phase("scanning", None)
        progress.advance(1)
        progress.close()
