"""Work on many tasks in threads, with the results in the order of the tasks."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Task = TypeVar("Task")
T = TypeVar("T")

Worker = Callable[[Callable[[], bool]], AbstractContextManager[Callable[[Task], Iterator[T]]]]
"""Made once in each thread: gives the function that turns a task into items. It is handed a
function that says whether the work was stopped, to be asked now and then."""

AHEAD = 2
"""Tasks in work or waiting, per thread."""


@dataclass
class _Output(Generic[T]):
    """The items of one task that were not yet taken, with their weights and their threads."""

    items: deque[tuple[T, int, int]] = field(default_factory=deque)
    finished: bool = False
    error: BaseException | None = None


def in_order(
    tasks: Sequence[Task],
    worker: Worker[Task, T],
    *,
    threads: int,
    budget: int,
    weight: Callable[[T], int],
    cancelled: Callable[[], bool] = lambda: False,
) -> Generator[T]:
    """The items of all tasks, task after task, while `threads` threads work ahead.

    Items that wait weigh `budget` at most, an equal share of it per thread, apart from one of the
    task whose turn it is. An error is raised in its place. Where the system has no more threads,
    those that it gave do the work. Closing the generator stops the threads and waits for them. Once
    `cancelled`, which may happen in any thread, tasks end early, as the workers see to it.
    """
    pool = _Pool(tasks, worker, threads=threads, budget=budget, weight=weight, cancelled=cancelled)
    try:
        pool.start()
        for number in range(len(tasks)):
            yield from pool.items_of(number)
    finally:
        pool.stop()


class _Pool(Generic[Task, T]):
    def __init__(
        self,
        tasks: Sequence[Task],
        worker: Worker[Task, T],
        *,
        threads: int,
        budget: int,
        weight: Callable[[T], int],
        cancelled: Callable[[], bool],
    ) -> None:
        self.tasks = tasks
        self.worker = worker
        self.share = budget // max(threads, 1)
        self.weight = weight
        self.cancelled = cancelled
        self.ahead = AHEAD * threads
        self.changed = threading.Condition()
        self.outputs: dict[int, _Output[T]] = {}
        self.current = 0  # the task whose turn it is
        self.taken = 0  # tasks that were begun
        self.waiting: Counter[int] = Counter()  # weight of the items that each thread has put
        self.stopped = False
        n_threads = min(threads, len(tasks))
        self.threads = [
            threading.Thread(target=self._work, name=f"vqe-worker-{i}", daemon=True)
            for i in range(n_threads)
        ]

    def start(self) -> None:
        for i, thread in enumerate(self.threads):
            try:
                thread.start()
            except RuntimeError:  # no more threads: those that run take over its tasks
                if i == 0:
                    raise
                return

    def stop(self) -> None:
        self.stopped = True
        if threading.current_thread() in self.threads:
            # The garbage collector closes the generator, in the midst of anything that a worker
            # does: it may hold the lock, or be about to wait for what it would be told now.
            threading.Thread(target=self.stop, name="vqe-stop", daemon=True).start()
            return
        with self.changed:
            self.changed.notify_all()
        for thread in self.threads:
            if thread.is_alive():
                thread.join()

    def items_of(self, number: int) -> Generator[T]:
        """The items of a task as they come."""
        with self.changed:
            self.current = number
            self.changed.notify_all()
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self._ready(number))
                output = self.outputs[number]
                if not output.items:
                    del self.outputs[number]
                    if output.error is not None:
                        raise output.error
                    return
                item, weight, thread = output.items.popleft()
                self.waiting[thread] -= weight
                self.changed.notify_all()
            yield item
            del item  # before the next one is waited for

    def _ready(self, number: int) -> bool:
        output = self.outputs.get(number)
        return output is not None and (bool(output.items) or output.finished)

    def _work(self) -> None:
        number = None
        try:
            with self.worker(lambda: self.stopped or self.cancelled()) as run:
                while (number := self._take()) is not None:
                    for item in run(self.tasks[number]):
                        self._put(number, item)
                        del item  # before the next one is made
                        if self.stopped:
                            return
                    self._finish(number, None)
        except BaseException as error:  # raised where its task is consumed, whatever it is
            self._finish(self._take(any_way=True) if number is None else number, error)

    def _take(self, any_way: bool = False) -> int | None:
        """The next task, once it is near enough to its turn; None when there is none."""
        with self.changed:
            self.changed.wait_for(
                lambda: any_way or self.stopped or self.taken < self.current + self.ahead
            )
            if self.stopped or self.taken == len(self.tasks):
                return None
            self.taken += 1
            self.outputs[self.taken - 1] = _Output()
            return self.taken - 1

    def _put(self, number: int, item: T) -> None:
        weight, thread = self.weight(item), threading.get_ident()
        output = self.outputs[number]
        with self.changed:
            self.changed.wait_for(
                lambda: (
                    self.stopped
                    or self.waiting[thread] + weight <= self.share
                    or (number == self.current and not output.items)
                )
            )
            output.items.append((item, weight, thread))
            self.waiting[thread] += weight
            self.changed.notify_all()

    def _finish(self, number: int | None, error: BaseException | None) -> None:
        with self.changed:
            if number is not None and number in self.outputs:
                self.outputs[number].finished = True
                self.outputs[number].error = error
            self.changed.notify_all()
