"""How the Arrow compute functions that plans name are run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from vqe.errors import ExecutionError
from vqe.plan.expressions import Call

OPTIONS: Final = {
    # Halves are rounded away from zero, as SQL has it; Arrow rounds them to even.
    "round_binary": pc.RoundBinaryOptions(round_mode="half_towards_infinity"),
}
"""Options of functions whose defaults are not what SQL means."""


def run_kernel(call: Call, args: Sequence[Any]) -> Any:
    """The Arrow array or scalar that `call` yields for the values of its arguments.

    Raises ExecutionError where there is no value: division by zero, overflow.
    """
    try:
        if call.function == "cast":
            return pc.cast(args[0], call.type)
        return pc.call_function(call.function, list(args), options=OPTIONS.get(call.function))
    except pa.ArrowException as error:
        raise ExecutionError(f"{call} has no value: {error}") from error
