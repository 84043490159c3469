"""The values given for `?`, `$1` and `$name`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vqe.errors import BindError, did_you_mean
from vqe.plan.constants import constant
from vqe.plan.expressions import Constant
from vqe.sql import ast

Values = Sequence[object] | Mapping[str, object]


class Parameters:
    """Looks values up, and remembers which were asked for."""

    def __init__(self, values: Values | None) -> None:
        known = values is None or isinstance(values, Sequence | Mapping)
        if not known or isinstance(values, str | bytes):
            raise BindError(
                f"parameters are a list or a dict, got {values!r}",
                hint="put a single value into a list",
            )
        self.named = isinstance(values, Mapping)
        self.values: dict[int | str, object] = (
            {str(name): value for name, value in values.items()}
            if isinstance(values, Mapping)
            else dict(enumerate(values or (), start=1))
        )
        self.used: set[int | str] = set()

    def value(self, node: ast.Parameter) -> object:
        """The Python value given for the parameter."""
        self.used.add(node.key)
        if node.key not in self.values:
            raise self._missing(node)
        return self.values[node.key]

    def constant(self, node: ast.Parameter) -> Constant:
        """The value as a constant of a plan."""
        try:
            return constant(self.value(node))
        except ValueError as error:
            if isinstance(error, BindError):
                raise
            several = isinstance(self.values[node.key], list | tuple | set | np.ndarray)
            hint = "a parameter is one value: IN (?, ?) has one for each" if several else ""
            message = f"parameter ${node.key}: {error}"
            raise BindError(message, hint=hint, offset=node.offset) from error

    def check_all_used(self) -> None:
        """Raise when values were given that the statement does not ask for."""
        extra = [key for key in self.values if key not in self.used]
        if not extra:
            return
        names = ", ".join(f"${key}" for key in extra)
        wanted = ", ".join(f"${key}" for key in sorted(self.used, key=str)) or "none"
        verb = "is" if len(extra) == 1 else "are"
        raise BindError(f"{names} {verb} given, but not used", hint=f"the statement uses: {wanted}")

    def _missing(self, node: ast.Parameter) -> BindError:
        if isinstance(node.key, str):
            hint = did_you_mean(node.key, map(str, self.values)) if self.named else ""
            hint = hint or "give the parameters as a dict from name to value"
        elif self.named:
            hint = "give the values of ? and $1 as a list"
        else:
            n = len(self.values)
            hint = f"{n} value{'s' if n != 1 else ''} given"
        return BindError(f"no value for parameter ${node.key}", hint=hint, offset=node.offset)
