"""Work ahead in a thread: decoding goes on while the networks think."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


class _Done:
    """Marks the end of the queue, with the error that ended it, if any."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def prefetch(source: Iterable[T], depth: int) -> Generator[T]:
    """The items of `source`, in order, produced by a thread at most `depth` items ahead.

    An error in `source` is raised here, in its place. Closing this generator closes `source` (in
    its own thread) and waits for the thread to end.
    """
    items: queue.Queue[T | _Done] = queue.Queue(maxsize=depth)
    stop = threading.Event()

    def put(item: T | _Done) -> None:
        while not stop.is_set():
            with suppress(queue.Full):
                items.put(item, timeout=0.05)
                return

    def produce() -> None:
        iterator: Iterator[T] = iter(source)
        try:
            for item in iterator:
                put(item)
                if stop.is_set():
                    break
            done = _Done()
        except BaseException as error:  # handed to the consumer, whatever it is
            done = _Done(error)
        finally:
            if isinstance(iterator, Generator):
                iterator.close()
        put(done)

    thread = threading.Thread(target=produce, name="vqe-prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item = items.get()
            if isinstance(item, _Done):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        stop.set()
        thread.join()
