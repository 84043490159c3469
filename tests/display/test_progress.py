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
        labelling = bar.phase("labelling", 100)
        clock.seconds += DELAY_SECONDS - 0.1
        labelling.advance(100)
    assert written(console) == ""


def test_the_time_before_a_query_runs_does_not_count() -> None:
    clock, console = Clock(), terminal()
    with ProgressBar(console=console, clock=clock) as bar:
        clock.seconds += 3600
        bar.phase("labelling", 100).advance(100)
    assert written(console) == ""


def shown(bar: ProgressBar) -> tuple[str, str, float | None]:
    """What the bar is at, with its count, and how far the query has come."""
    (task,) = bar._bar.tasks
    return task.description, task.fields["count"], task.completed if task.total else None


def test_a_long_query_shows_phase_rate_and_total() -> None:
    clock, console = Clock(), terminal()
    with ProgressBar(console=console, clock=clock) as bar:
        scanning = bar.phase("scanning", 4000, answers=True)
        for _ in range(20):
            clock.seconds += 0.5
            scanning.advance(100)
            bar._bar.refresh()
    text = written(console)
    assert "scanning" in text
    assert "2,000/4,000" in text
    assert "200 frames/s" in text
    assert "0:00:10" in text  # elapsed
    assert "< 0:00:10" in text  # remaining


def test_one_bar_adds_up_the_phases_of_a_query_and_never_goes_back() -> None:
    clock = Clock()
    with ProgressBar(console=terminal(), clock=clock) as bar:
        for n in (27, 26):
            labelling = bar.phase("labelling", n)
            clock.seconds += 10
            labelling.advance(n)
        assert shown(bar) == ("labelling", "53  3 frames/s", None)
        training = bar.phase("training", None, "models")
        clock.seconds += 5
        training.advance(1)
        assert shown(bar) == ("training", "1 model", None)
        clock.seconds += 5
        scanning = bar.phase("scanning", 1000, answers=True)
        scanning.advance(600)
        assert shown(bar)[2] == pytest.approx(0.6)
        labelling = bar.phase("labelling", 47)  # the plan was given up
        clock.seconds += 4
        labelling.advance(47)
        assert shown(bar) == ("labelling", "100  12 frames/s", 0.6)
        bar.phase("scanning", 400, answers=True).advance(200)
        assert shown(bar)[2] == pytest.approx(0.8)
        assert bar._bar.tasks[0].elapsed == 34


def test_what_a_plan_foretells_moves_the_bar() -> None:
    with ProgressBar(enabled=True, console=terminal()) as bar:
        bar.phase("labelling", 100).advance(100)
        assert shown(bar)[2] is None
        bar.expect(200)
        bar.phase("labelling", 50).advance(50)
        assert shown(bar)[2] == 0.25
        bar.phase("training", None, "models").advance(50)
        assert shown(bar)[2] == 0.25
        bar.expect(0)  # it came otherwise
        bar.phase("labelling", 900).advance(900)
        assert shown(bar)[2] == 0.25
        scanning = bar.phase("scanning", 1000, answers=True)
        scanning.advance(500)
        assert shown(bar)[2] == 0.25 + 0.75 / 2
        scanning.advance(5000)
        assert shown(bar)[2] == 0.99


def test_several_videos_share_the_bar() -> None:
    with ProgressBar(enabled=True, console=terminal()) as bar:
        for i in range(4):
            bar.part(i, 4)
            bar.phase("labelling", 10).advance(10)
            assert shown(bar)[::2] == (f"{i + 1}/4 labelling", i / 4)
            bar.phase("scanning", 10, answers=True).advance(5)
            assert shown(bar)[::2] == (f"{i + 1}/4 scanning", (i + 0.5) / 4)


def test_phases_at_work_by_turns_keep_their_counts() -> None:
    with ProgressBar(enabled=True, console=terminal()) as bar:
        scanning = bar.phase("scanning", 100, answers=True)
        for n in (1, 2, 3):
            scanning.advance(10)
            assert shown(bar)[2] == pytest.approx(n / 10)
            bar.phase("labelling", 3).advance(3)
            assert shown(bar)[1].startswith(str(3 * n))
            assert shown(bar)[2] == pytest.approx(n / 10)


def test_nothing_is_left_behind() -> None:
    clock, console = Clock(), terminal()
    with ProgressBar(console=console, clock=clock) as bar:
        bar.phase("labelling", None)
        clock.seconds += 10
        bar.phase("scanning", None)
    last_erase = written(console).rindex("\x1b[2K")
    assert written(console)[last_erase:].strip("\r\n") == "\x1b[2K"


@pytest.mark.parametrize("enabled", [None, False])
def test_quiet_outside_a_terminal(enabled: bool | None) -> None:
    clock = Clock()
    console = Console(file=io.StringIO(), force_terminal=False)
    with ProgressBar(enabled=enabled, console=console, clock=clock) as bar:
        scanning = bar.phase("scanning", 10)
        clock.seconds += 10
        scanning.advance(10)
    assert written(console) == ""


def test_enabled_overrules_what_stderr_is(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    with ProgressBar(enabled=True, clock=clock) as bar:
        scanning = bar.phase("scanning", 10)
        clock.seconds += 10
        scanning.advance(1)
    out, err = capsys.readouterr()
    assert "scanning" in err
    assert out == ""


def test_closing_twice_and_later_calls_do_nothing() -> None:
    clock, console = Clock(), terminal()
    bar = ProgressBar(console=console, clock=clock)
    bar.close()
    bar.close()
    clock.seconds += 10
    bar.phase("scanning", 10).advance(1)
    bar.expect(3)
    bar.part(1, 2)
    assert written(console) == ""


def test_counts_from_many_threads_add_up() -> None:
    with ProgressBar(enabled=True, console=terminal()) as bar:
        scanning = bar.phase("scanning", 4000, answers=True)

        def count() -> None:
            for _ in range(500):
                scanning.advance(1)

        threads = [threading.Thread(target=count) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert shown(bar)[1].startswith("4,000/4,000 ")


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
        scanning = bar.phase("scanning", 10, answers=True)
        scanning.advance(5)  # too soon to be drawn
        clock.seconds += 1
        scanning.advance(5)
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
        scanning = bar.phase("scanning", 10)
        clock.seconds += 10
        scanning.advance(1)


def test_both_follow_the_protocol() -> None:
    followers: list[Progress] = [SilentProgress(), ProgressBar(enabled=False)]
    for progress in followers:
        progress.part(0, 1)
        progress.expect(2)
        progress.phase("scanning", None).advance(1)
        progress.close()
