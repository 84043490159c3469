"""The values that were used last."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """The values that were used last, by key: as many as weigh `most` together, each of them 1 or
    its `weight`; the last one is kept whatever it weighs. Safe to use from several threads."""

    def __init__(self, most: int, weight: Callable[[Value], int] = lambda value: 1) -> None:
        self.most = most
        self._weight = weight
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable) -> Value | None:
        """The value kept for a key, if there is one."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def keep(self, key: Hashable, value: Value) -> None:
        """Keeps a value, in place of an older one."""
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while (
                len(self._values) > 1 and sum(map(self._weight, self._values.values())) > self.most
            ):
                self._values.popitem(last=False)
