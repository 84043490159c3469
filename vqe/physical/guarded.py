"""Which rows the arguments of CASE, coalesce(), AND and OR are asked about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

GUARDS: Final = ("if_else", "coalesce", "and_kleene", "or_kleene")
"""Functions that need some of their arguments only where earlier ones leave it open."""


def reached_by(function: str, earlier: Sequence[pa.Array], n_rows: int) -> pa.BooleanArray:
    """The rows, bool (n_rows,), on which the next argument of one of GUARDS decides, after
    `earlier` ones with these values."""
    if not earlier:
        return pa.repeat(True, n_rows)
    first = earlier[0]
    match function, len(earlier):
        case "if_else", 1:
            return pc.fill_null(first, False)
        case "if_else", _:
            return pc.fill_null(pc.invert(first), False)
        case "and_kleene", _:
            return pc.fill_null(first, True)  # null AND false is false
        case "or_kleene", _:
            return pc.fill_null(pc.invert(first), True)
    return pc.is_null(pc.coalesce(*earlier))


def spread(values: pa.Array, rows: pa.BooleanArray) -> pa.Array:
    """The values at their rows, of which there are as many; null elsewhere."""
    places = pc.subtract(pc.cumulative_sum(rows.cast(pa.int64())), 1)
    return values.take(pc.if_else(rows, places, None))
