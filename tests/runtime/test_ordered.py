"""Work in threads, results in the order of the tasks."""

from __future__ import annotations

import random
import threading
import time
from contextlib import closing, contextmanager

import pytest

from vqe.runtime.ordered import AHEAD, in_order


def workers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("vqe-worker")]


@pytest.fixture(autouse=True)
def _no_thread_stays():
    yield
    assert workers() == []


class Work:
    """A worker whose tasks are numbers n, which become (n, 0), (n, 1), … up to (n, items - 1).

    It remembers what happened: threads that were set up and cleaned up, tasks in the order they
    were begun, and items made.
    """

    def __init__(self, items=3, *, fail_at=(), broken_starts=(), slow=0.0):
        self.items, self.fail_at, self.broken_starts = items, set(fail_at), set(broken_starts)
        self.slow = slow
        self.lock = threading.Lock()
        self.starts = self.ends = self.made = 0
        self.begun = []

    @contextmanager
    def worker(self, stopped):
        with self.lock:
            number, self.starts = self.starts, self.starts + 1
        if number in self.broken_starts:
            raise OSError(f"no camera {number}")
        try:
            yield lambda task: self.run(task, stopped)
        finally:
            with self.lock:
                self.ends += 1

    def run(self, task, stopped):
        with self.lock:
            self.begun.append(task)
        rng = random.Random(task)
        for i in range(self.items):
            if stopped():
                return
            if (task, i) in self.fail_at:
                raise RuntimeError(f"broken at {task}, {i}")
            time.sleep(self.slow * rng.random())
            with self.lock:
                self.made += 1
            yield task, i

    def expected(self, n):
        return [(task, i) for task in range(n) for i in range(self.items)]


def ordered(work, n, *, threads=2, budget=100, weight=lambda item: 1, **rest):
    return in_order(range(n), work.worker, threads=threads, budget=budget, weight=weight, **rest)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("budget", [0, 1, 5, 1000])
def test_items_come_in_the_order_of_the_tasks(threads, budget):
    work = Work(items=4, slow=0.001)
    assert list(ordered(work, 30, threads=threads, budget=budget)) == work.expected(30)
    assert work.starts == work.ends == threads


def test_no_task_and_no_item():
    assert list(ordered(Work(), 0)) == []
    assert list(ordered(Work(items=0), 20, threads=3)) == []


def test_no_more_threads_than_tasks():
    work = Work()
    assert list(ordered(work, 2, threads=16)) == work.expected(2)
    assert work.starts == 2


def test_many_tasks_on_few_threads():
    work = Work(items=1)
    assert list(ordered(work, 5000, threads=2)) == work.expected(5000)
    assert work.starts == 2
    assert sorted(work.begun) == list(range(5000))


def most_threads(monkeypatch, n):
    """The system has n threads and no more."""
    start, started = threading.Thread.start, []

    def start_or_fail(thread):
        if len(started) == n:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_or_fail)


def test_the_threads_that_the_system_gives_do_all_the_work(monkeypatch):
    most_threads(monkeypatch, 2)
    work = Work(items=4, slow=0.001)
    assert list(ordered(work, 30, threads=5, budget=5)) == work.expected(30)
    assert work.starts == work.ends == 2


def test_no_thread_at_all(monkeypatch):
    most_threads(monkeypatch, 0)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        list(ordered(Work(), 3))


def test_an_error_between_two_starts_stops_the_first_thread(monkeypatch):
    """Whatever it is: nobody would ever close a generator that has failed."""
    start = threading.Thread.start

    def start_or_fail(thread):
        if thread.name == "vqe-worker-1":
            raise MemoryError
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_or_fail)
    work = Work(items=10**9)
    with pytest.raises(MemoryError):
        list(ordered(work, 100, threads=3))
    assert workers() == []
    assert work.starts == work.ends


def test_threads_share_the_tasks():
    """Each waits for the other one's task to begin."""
    both = threading.Barrier(2, timeout=10)

    @contextmanager
    def worker(stopped):
        def run(task):
            both.wait()
            yield task

        yield run

    items = in_order(range(6), worker, threads=2, budget=10, weight=lambda item: 1)
    assert list(items) == list(range(6))


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("at", [(0, 0), (0, 2), (3, 0), (3, 2), (9, 2)])
def test_an_error_comes_in_its_place(threads, at):
    work = Work(fail_at=[at])
    got = []
    with pytest.raises(RuntimeError, match=f"broken at {at[0]}, {at[1]}"):
        got.extend(ordered(work, 10, threads=threads))
    assert got == work.expected(10)[: 3 * at[0] + at[1]]
    assert workers() == []


def test_the_first_of_two_errors_is_raised():
    work = Work(fail_at=[(2, 0), (3, 0), (4, 1)], slow=0.001)
    for threads in (1, 2, 4):
        with pytest.raises(RuntimeError, match="broken at 2, 0"):
            list(ordered(work, 8, threads=threads))


def test_a_worker_that_cannot_start():
    with pytest.raises(OSError, match="no camera 0"):
        list(ordered(Work(broken_starts=[0]), 5, threads=1))
    with pytest.raises(OSError, match="no camera"):
        list(ordered(Work(broken_starts=range(4)), 50, threads=4))


def test_one_of_several_workers_cannot_start():
    """Its error takes the place of a task: nothing is lost in silence."""
    for broken in range(3):
        work = Work(broken_starts=[broken], slow=0.002)
        got = []
        with pytest.raises(OSError, match=f"no camera {broken}"):
            got.extend(ordered(work, 40, threads=3))
        assert len(got) % 3 == 0
        assert got == work.expected(40)[: len(got)]


def test_closing_stops_the_threads_and_cleans_up():
    work = Work(items=10**9)
    items = ordered(work, 100, threads=3, budget=5)
    assert next(items) == (0, 0)
    assert len(workers()) == 3
    items.close()
    assert workers() == []
    assert work.ends == 3
    assert work.made < 100


def test_an_error_of_the_consumer_stops_the_threads():
    work = Work(items=10**9)

    def consume():
        with closing(ordered(work, 100, threads=2)) as items:
            for item in items:
                raise KeyError(item)

    with pytest.raises(KeyError):
        consume()
    assert workers() == []
    assert work.ends == 2


def test_closing_before_the_first_item_starts_nothing():
    work = Work()
    ordered(work, 5).close()
    assert work.starts == 0


def test_a_generator_that_is_dropped_stops_the_threads():
    items = ordered(Work(items=10**9), 10)
    next(items)
    del items
    assert workers() == []


class Collected:
    """Has the generator closed by one of its own workers, as the garbage collector may do."""

    def __init__(self):
        self.items = None  # the generator, once the consumer has left it alone
        self.closed = False
        self.error = None

    def __call__(self):
        if self.items and not self.closed and threading.current_thread() in workers():
            self.closed = True
            try:
                self.items.close()
            except BaseException as error:  # as for a generator that is collected: told nobody
                self.error = error


def wait_until(condition):
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert condition()


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("where", ["at work", "with the lock", "about to wait"])
def test_a_worker_that_closes_its_own_generator(monkeypatch, threads, where):
    close = Collected()

    class Tasks(list):
        def __len__(self):  # asked while the lock is held
            if where == "with the lock":
                close()
            return super().__len__()

    class Closing(Work):
        def run(self, task, stopped):
            for item in super().run(task, stopped):
                if item == (0, 1):
                    wait_until(lambda: close.items)
                if where == "at work":
                    close()
                yield item

    if where == "about to wait":  # a new lock is the one thing that Condition.wait allocates
        allocate = threading._allocate_lock
        monkeypatch.setattr(threading, "_allocate_lock", lambda: (close(), allocate())[1])
    work = Closing(items=2)
    tasks = Tasks(range(30))
    items = in_order(tasks, work.worker, threads=threads, budget=0, weight=lambda item: 0)
    assert next(items) == (0, 0)
    close.items = items
    wait_until(lambda: close.closed)
    wait_until(lambda: workers() == [])
    assert close.error is None
    assert work.starts == work.ends == threads
    wait_until(lambda: "vqe-stop" not in {thread.name for thread in threading.enumerate()})


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_what_waits_is_within_the_budget(threads):
    """Weights are 1 to 7: nothing waits but that, and one item of the current task."""
    lock = threading.Lock()
    held = worst = 0

    def weight(item):
        return 1 + (item[0] * 3 + item[1]) % 7

    class Counted(Work):
        def run(self, task, stopped):
            nonlocal held, worst
            for item in super().run(task, stopped):
                yield item  # comes back once it was accepted
                with lock:
                    held += weight(item)
                    worst = max(worst, held)

    work = Counted(items=10)
    budget = 20
    for item in ordered(work, 40, threads=threads, budget=budget, weight=weight):
        with lock:
            held -= weight(item)
        time.sleep(0.0002)
    # An item may be taken before its thread has counted it, which only lowers the figure.
    assert 0 < worst <= budget + 7
    assert held == 0


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_an_item_above_the_budget_still_comes(threads):
    work = Work(items=5)
    items = ordered(work, 20, threads=threads, budget=3, weight=lambda item: 1000)
    assert list(items) == work.expected(20)


def test_items_without_weight_pass_while_others_wait():
    work = Work(items=6)
    items = ordered(work, 20, threads=3, budget=1, weight=lambda item: item[1] % 2)
    assert list(items) == work.expected(20)


def test_tasks_are_not_begun_far_ahead():
    work = Work(items=1)
    threads = 2
    with closing(ordered(work, 1000, threads=threads, budget=10**9)) as items:
        for task, _ in items:
            assert max(work.begun) < task + AHEAD * threads + 1
            if task == 50:
                break
    assert len(work.begun) <= 51 + AHEAD * threads


def test_threads_work_while_the_consumer_is_busy():
    work = Work(items=1)
    with closing(ordered(work, 1000, threads=2)) as items:
        next(items)
        deadline = time.monotonic() + 5
        while work.made < AHEAD * 2 and time.monotonic() < deadline:
            time.sleep(0.001)
        assert work.made == AHEAD * 2


def test_once_cancelled_the_tasks_end_early():
    cancelled = threading.Event()
    work = Work(items=10**9)
    items = ordered(work, 5, threads=2, budget=10, cancelled=cancelled.is_set)
    assert [next(items) for _ in range(3)] == [(0, 0), (0, 1), (0, 2)]
    cancelled.set()
    rest = list(items)  # whatever was made before
    assert len(rest) < 50
    assert rest == sorted(rest)


@pytest.mark.parametrize("seed", range(20))
def test_closing_at_any_moment(seed):
    rng = random.Random(seed)
    work = Work(items=rng.choice((1, 3, 50)), slow=0.0005)
    n = rng.choice((1, 5, 60))
    items = ordered(work, n, threads=rng.randint(1, 4), budget=rng.choice((0, 2, 50)))
    for expected in work.expected(n)[: rng.randrange(40)]:
        assert next(items) == expected
    items.close()
    assert workers() == []
    assert work.starts == work.ends
