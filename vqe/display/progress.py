"""A progress bar in the terminal or the notebook, for queries that take more than a moment."""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

from rich.console import Console
from rich.errors import LiveError
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

DELAY_SECONDS = 2.0
"""A query that ends sooner shows no bar at all."""

NOTEBOOK_SECONDS = 0.25
"""A notebook is redrawn at most this often; every drawing is a message to the browser."""


class ProgressBar:
    """Shows the phase of a query with its rate, elapsed and remaining time, on stderr.

    The bar appears once the query has run for `DELAY_SECONDS`, and only in a terminal or a
    notebook; `enabled` True shows it anywhere, False nowhere. It leaves nothing behind. It
    follows `vqe.runtime.progress.Progress`, and is a context manager.
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
        self._task: TaskID | None = None
        self._shown = False
        self._notebook: _NotebookCell | None = None

    @cached_property
    def _bar(self) -> Progress:
        """Made when it is first needed: a query that shows nothing needs none."""
        return Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            _RateColumn(),
            TimeElapsedColumn(),
            TextColumn("<"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            # Else what a script prints into a pipe would end on the terminal.
            redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
            get_time=self._clock,
            disable=self._console.is_jupyter,
            expand=True,
        )

    def phase(self, name: str, total: int | None, unit: str = "frames") -> None:
        """Begin a phase that handles `total` of `unit`; None where the total is unknown."""
        with self._lock:
            if not self._enabled:
                return
            if self._task is not None:
                # A new task, since resetting one cannot make a known total unknown again.
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(name, total=total, unit=unit)
            self._show()

    def advance(self, n: int) -> None:
        """Add `n` to what the current phase has handled."""
        with self._lock:
            if self._enabled and self._task is not None:
                self._bar.advance(self._task, n)
                self._show()

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

    def _show(self) -> None:
        if self._appears is None:
            self._appears = self._clock() + DELAY_SECONDS
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


class _RateColumn(ProgressColumn):
    """How many are handled, and how many a second."""

    def render(self, task: Task) -> Text:
        total = f"/{int(task.total):,}" if task.total is not None else ""
        speed = task.finished_speed or task.speed
        unit = task.fields["unit"]
        rate = f"  {speed:,.0f} {unit}/s" if speed else f" {unit}"
        return Text(f"{int(task.completed):,}{total}{rate}")


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
