"""Rows in the order of sort keys, by Arrow's stable sort."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from vqe.physical.evaluate import evaluate_column
from vqe.plan.nodes import SortKey


def in_order(rows: pa.RecordBatch, keys: Sequence[SortKey]) -> pa.RecordBatch:
    """The rows sorted; those with equal keys stay in their order."""
    columns, directions = [], []
    for key in keys:
        values = evaluate_column(key.expression, rows)
        if key.nulls_first:  # Arrow puts nulls last, whatever the direction; false goes before true
            columns.append(values.is_valid())
            directions.append("ascending")
        columns.append(values)
        directions.append("descending" if key.descending else "ascending")
    names = [str(i) for i in range(len(columns))]
    order = list(zip(names, directions, strict=True))
    return rows.take(pc.sort_indices(pa.table(columns, names=names), sort_keys=order))
