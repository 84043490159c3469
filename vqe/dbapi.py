"""The names that Python's DB-API 2.0 (PEP 249) gives to the parts of a database module, for tools
that ask a module for them; vqe's own names say more."""

from __future__ import annotations

from vqe.errors import (
    ConfigError,
    ExecutionError,
    OperationError,
    PlanError,
    StatementError,
    UnsupportedError,
    VqeError,
)

apilevel = "2.0"
threadsafety = 2
"""Threads may share the module and connections, but not cursors."""
paramstyle = "qmark"
"""Parameters are `?`, and `$1` or `$name` as well."""

Warning = UserWarning
Error = DatabaseError = VqeError
InterfaceError = ConfigError
ProgrammingError = StatementError
OperationalError = OperationError
DataError = ExecutionError
InternalError = PlanError
NotSupportedError = UnsupportedError


class IntegrityError(VqeError):
    """Never raised: nothing that is stored could be changed by a statement."""
