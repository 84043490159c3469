"""Work ahead in a thread."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest

from vqe.runtime.prefetch import prefetch


def producers():
    return [thread for thread in threading.enumerate() if thread.name == "vqe-prefetch"]


class Source:
    """Counts to n and remembers what happened to it."""

    def __init__(self, n, error=None):
        self.n, self.error = n, error
        self.made = 0
        self.closed = False
        self.threads = set()

    def __iter__(self):
        try:
            for i in range(self.n):
                self.threads.add(threading.get_ident())
                self.made += 1
                yield i
            if self.error is not None:
                raise self.error
        finally:
            self.closed = True


@pytest.mark.parametrize("depth", [1, 2, 100])
def test_items_in_their_order(depth):
    source = Source(50)
    assert list(prefetch(source, depth)) == list(range(50))
    assert source.closed
    assert threading.get_ident() not in source.threads
    assert producers() == []


def test_nothing_to_do():
    assert list(prefetch([], depth=2)) == []


def test_an_error_comes_after_the_items_before_it():
    items = prefetch(Source(3, RuntimeError("broken camera")), depth=2)
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(RuntimeError, match="broken camera"):
        next(items)
    assert producers() == []


def test_closing_ends_the_thread_and_the_source():
    source = Source(10**9)
    items = prefetch(source, depth=2)
    assert next(items) == 0
    items.close()
    assert source.closed
    assert producers() == []


def test_an_error_of_the_consumer_ends_the_thread():
    source = Source(10**9)

    def consume():
        with closing(prefetch(source, depth=2)) as items:
            for item in items:
                raise KeyError(item)

    with pytest.raises(KeyError):
        consume()
    assert source.closed
    assert producers() == []


def test_at_most_depth_items_ahead():
    source = Source(100)
    with closing(prefetch(source, depth=3)) as items:
        for taken, _ in enumerate(items, start=1):
            time.sleep(0.005)
            # In the queue, and one in the producer's hands.
            assert source.made <= taken + 3 + 1
            if taken == 20:
                break
    assert source.made <= 24


def test_it_works_ahead_while_the_consumer_is_busy():
    source = Source(100)
    with closing(prefetch(source, depth=4)) as items:
        next(items)
        deadline = time.monotonic() + 5
        while source.made < 5 and time.monotonic() < deadline:
            time.sleep(0.001)
        assert source.made >= 5


def test_closing_before_the_first_item_starts_nothing():
    source = Source(5)
    prefetch(source, depth=2).close()
    assert source.made == 0
    assert producers() == []


def test_closing_after_an_error_does_not_hang():
    items = prefetch(Source(0, ValueError("at once")), depth=1)
    with pytest.raises(ValueError, match="at once"):
        next(items)
    items.close()


def test_a_source_that_ends_while_it_is_closed():
    for n in range(1, 8):
        source = Source(n)
        items = prefetch(source, depth=2)
        next(items)
        items.close()
        assert producers() == []
