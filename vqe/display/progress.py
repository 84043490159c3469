"""A progress bar in the terminal or the notebook, for queries that take more than a moment."""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rich.console import Console
from rich.errors import LiveError
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from vqe.display.share import Share

DELAY_SECONDS = 2.0
"""A query that ends sooner shows no bar at all."""

NOTEBOOK_SECONDS = 0.25
"""A notebook is redrawn at most this often; every drawing is a message to the browser."""


class ProgressBar:
    """Shows how far a query has come, what it is at, and elapsed and remaining time, on stderr.

    One bar for the whole query: it moves once somebody can tell how much there is to do, and never
    backwards (`Share`); what it is at has its count and rate beside it. The bar appears once the
    query has run for `DELAY_SECONDS`, and only in a terminal or a notebook; `enabled` True shows it
    anywhere, False nowhere. It leaves nothing behind. It follows `vqe.runtime.progress.Progress`,
    and is a context manager.
    """

    def __init__(
        self,
        *,
        enabled: bool | None = None,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console or Console(stderr=True, force_terminal=enabled or None)
        visible = self._console.is_terminal or self._console.is_jupyter
        self._enabled = visible if enabled is None else enabled
        self._clock = clock
        self._appears: float | None = None  # a query runs from its first phase on
        self._lock = threading.RLock()
        self._share = Share()
        self._expecting = False
        self._counts: dict[str, _Count] = {}
        self._latest: _Count | None = None
        self._shown = False
        self._notebook: _NotebookCell | None = None

    @cached_property
    def _bar(self) -> Progress:
        """Made when it is first needed: a query that shows nothing needs none."""
        bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            _RemainingColumn(),
            console=self._console,
            transient=True,
            # Else what a script prints into a pipe would end on the terminal.
            redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
            get_time=self._clock,
            disable=self._console.is_jupyter,
            expand=True,
        )
        bar.add_task("", total=None, count="")
        return bar

    def phase(
        self, name: str, total: int | None, unit: str = "frames", *, answers: bool = False
    ) -> _Phase:
        """Begin a phase that handles `total` of `unit`; None where the total is unknown."""
        with self._lock:
            count = self._counts.setdefault(name, _Count(name, unit))
            if not self._enabled:
                return _Phase(self, count, answers)
            if count is not self._latest:
                count.resume(self._clock())
            self._latest = count
            if answers:
                count.total += total or 0
                self._expecting = False
                self._share.count_to(total or 0)
            self._show(count)
            return _Phase(self, count, answers)

    def expect(self, n: int) -> None:
        """About `n` frames more will be handled before the answers are known; 0: nobody knows."""
        with self._lock:
            self._expecting = n > 0
            self._share.count_to(n)

    def part(self, i: int, n: int) -> None:
        """The `i`-th of `n` videos is begun."""
        with self._lock:
            self._expecting = False
            self._share.part(i, n)

    def close(self) -> None:
        """Remove the bar; further calls do nothing."""
        with self._lock:
            self._enabled = False
            if self._notebook is not None:
                self._notebook.clear()
                self._notebook = None
            elif self._shown:
                self._bar.stop()
            self._shown = False

    def _advance(self, phase: _Phase, n: int) -> None:
        with self._lock:
            if self._enabled:
                phase.count.handled += n
                if phase.answers or (self._expecting and phase.count.unit == "frames"):
                    self._share.advance(n)
                self._show(phase.count)

    def _show(self, count: _Count) -> None:
        if self._appears is None:
            self._appears = self._clock() + DELAY_SECONDS
        share, (task,) = self._share, self._bar.tasks
        done = share.value
        video = f"{share.video + 1}/{share.videos} " if share.videos > 1 else ""
        self._bar.update(
            task.id,
            description=video + count.name,
            count=count.text(self._clock()),
            total=None if done is None else 1.0,
            completed=done,
        )
        if self._clock() < self._appears:
            return
        if self._console.is_jupyter:
            # rich needs ipywidgets in a notebook; a cell of our own needs nothing more.
            self._notebook = self._notebook or _NotebookCell(self._clock)
            self._notebook.draw(self._bar)
        elif not self._shown:
            # Older versions of rich refuse a second live display, that of a nested query say.
            with contextlib.suppress(LiveError):
                self._bar.start()
                self._shown = True

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class _Count:
    """What the phases of one name have handled, and of how many, where the answers are that many.

    The rate is that since the last time when another phase gave way to these.
    """

    name: str
    unit: str
    handled: int = 0
    total: int = 0
    since: float = 0.0
    handled_before: int = 0

    def resume(self, now: float) -> None:
        """Another phase was at work until now."""
        self.since, self.handled_before = now, self.handled

    def text(self, now: float) -> str:
        """How many are handled, and how many a second."""
        of = f"/{self.total:,}" if self.total else ""
        n, seconds = self.handled - self.handled_before, now - self.since
        if n >= seconds > 0:
            return f"{self.handled:,}{of}  {n / seconds:,.0f} {self.unit}/s"
        unit = self.unit.removesuffix("s") if self.handled == 1 else self.unit
        return f"{self.handled:,}{of} {unit}"


class _RemainingColumn(TimeRemainingColumn):
    """The remaining time behind the elapsed one, where it can be told."""

    def render(self, task: Task) -> Text:
        return Text("") if task.time_remaining is None else Text("< ") + super().render(task)


@dataclass(frozen=True)
class _Phase:
    """A phase that the bar follows."""

    bar: ProgressBar
    count: _Count
    answers: bool

    def advance(self, n: int) -> None:
        """Add `n` to what the phase has handled."""
        self.bar._advance(self, n)


class _NotebookCell:
    """An output of the notebook that is redrawn in place."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._next = clock()
        self._handle: Any = None

    def draw(self, bar: Progress) -> None:
        if self._clock() < self._next:
            return
        self._next = self._clock() + NOTEBOOK_SECONDS
        text = io.StringIO()
        Console(file=text, width=100, force_jupyter=False).print(bar.get_renderable())
        self._display(f"<pre>{text.getvalue().rstrip()}</pre>")

    def clear(self) -> None:
        self._display("")

    def _display(self, html: str) -> None:
        ipython = importlib.import_module("IPython.display")
        if self._handle is None:
            self._handle = ipython.display(ipython.HTML(html), display_id=True)
        else:
            self._handle.update(ipython.HTML(html))
