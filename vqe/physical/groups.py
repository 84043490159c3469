"""Tables with a row for each group, which grow by merging."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa

ROW: Final = "row"
"""The column with the number of each row, int64: groups are put in the order of their first one."""


class Groups:
    """Rows grouped by the columns `keys`, and each of the other columns by its function.

    What is held are groups: the merged ones, and about as many that wait for it.
    """

    def __init__(self, keys: Sequence[str], functions: Mapping[str, str]) -> None:
        self.keys = list(keys)
        self.functions = {**functions, ROW: "min"}
        self._tables: list[pa.Table] = []

    def add(self, rows: pa.Table) -> None:
        """Takes further rows in."""
        self._tables.append(self._grouped(rows))
        if sum(map(len, self._tables[1:])) >= len(self._tables[0]):
            self._merge()

    def merged(self) -> pa.Table:
        """All groups, in the order of their first rows; rows were added at least once."""
        self._merge()
        return self._tables[0].sort_by(ROW)

    def _merge(self) -> None:
        if len(self._tables) > 1:
            self._tables = [self._grouped(pa.concat_tables(self._tables))]

    def _grouped(self, rows: pa.Table) -> pa.Table:
        # One thread: with several, sums of doubles would depend on which of them was first.
        grouping = rows.combine_chunks().group_by(self.keys, use_threads=False)
        found = grouping.aggregate(list(self.functions.items()))
        columns = {name: found[name] for name in self.keys}
        for name, function in self.functions.items():
            columns[name] = found[f"{name}_{function}"]
        return pa.table(columns)
