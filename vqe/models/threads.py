"""How many threads torch uses for one operation."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

_changing = threading.Lock()


@contextmanager
def torch_threads(n: int | None) -> Iterator[None]:
    """torch's intra-op threads for the calling thread within the block; None leaves them alone.

    Other threads keep their number. One that uses torch for the first time in the fraction of a
    millisecond in which the block begins or ends may take over this block's number.
    """
    before = torch.get_num_threads()
    if n is None or n == before:
        yield
        return
    _set_for_this_thread(n)
    try:
        yield
    finally:
        _set_for_this_thread(before)


def keep_torch_threads(n: int) -> None:
    """torch's intra-op threads for the calling thread from now on.

    For threads of our own that call torch often: a change takes a millisecond, for it starts
    threads, and a block of `torch_threads(n)` changes nothing where the number is n already.
    """
    if torch.get_num_threads() != n:
        _set_for_this_thread(n)


def _set_for_this_thread(n: int) -> None:
    # torch sets the number of the calling thread, and with it the one that every new thread starts
    # with. Only a new thread can tell that one, and put it back without changing ours.
    with _changing:
        everyone: list[int] = []
        _in_new_thread(lambda: everyone.append(torch.get_num_threads()))
        torch.set_num_threads(n)
        if everyone[0] != n:
            _in_new_thread(lambda: torch.set_num_threads(everyone[0]))


def _in_new_thread(action: Callable[[], None]) -> None:
    thread = threading.Thread(target=action)
    thread.start()
    thread.join()
