"""Measured costs, in memory and on disk."""

from __future__ import annotations

from datetime import date

from vqe.storage.cost_file import CostFile, Numbers
from vqe.storage.recent import Recent


class KeptCosts:
    """The numbers of one kind that were measured last, `most` of them, by name.

    Those that were measured by this object go before those of the file, where there is one: they
    say what things cost now. Safe to use from several threads.
    """

    def __init__(self, kind: str, most: int, file: CostFile | None) -> None:
        self.kind = kind
        self.file = file
        self._measured: Recent[Numbers] = Recent(most)

    def get(self, name: str) -> Numbers | None:
        """The numbers under a name, if there are any."""
        numbers = self._measured.get(name)
        if numbers is None and self.file is not None:
            numbers = self.file.get(self.kind, name)
        return numbers

    def day(self, name: str) -> date | None:
        """The day on which the numbers were measured, where that was another process."""
        if self.file is None or self._measured.get(name) is not None:
            return None
        return self.file.day(self.kind, name)

    def keep(self, name: str, numbers: Numbers) -> None:
        """Keeps what was measured now, in place of what was before."""
        self._measured.keep(name, numbers)
        if self.file is not None:
            self.file.keep(self.kind, name, numbers, self._measured.most)
