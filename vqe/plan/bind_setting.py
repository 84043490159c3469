"""SET: which setting of the connection takes which value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import pyarrow as pa

from vqe.config import FIXED, Settings
from vqe.errors import BindError, did_you_mean
from vqe.plan.catalog import CatalogView
from vqe.plan.constants import DURATION, STRING, TIMESTAMP
from vqe.plan.parameters import Parameters
from vqe.plan.scope import pointing_at
from vqe.sql import ast
from vqe.sql.statements import Set


@dataclass(frozen=True)
class Setting(ast.Located):
    """A setting and its new value; ConfigError where it cannot have that value.

    `offset` is where the value stands in the statement.
    """

    name: str
    value: Any

    def __post_init__(self) -> None:
        self.applied_to(Settings())

    def applied_to(self, settings: Settings) -> Settings:
        """The settings with this one changed."""
        return replace(settings, **{self.name: self.value})

    def row(self) -> pa.Table:
        """One row with the name and the value."""
        return settings_table({self.name: self.value})


def settings_table(settings: Mapping[str, Any]) -> pa.Table:
    """A row for each setting, its value as text; null for None."""
    schema = pa.schema([("name", STRING), ("value", STRING)])
    rows = [{"name": name, "value": _text(value)} for name, value in settings.items()]
    return pa.Table.from_pylist(rows, schema=schema)


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else str(value).lower()


def bind_setting(node: Set, catalog: CatalogView, parameters: Parameters) -> Setting:
    """The setting that a SET changes; a model must be one that the catalog can give."""
    with pointing_at(node.name):
        name = _settable(node.name.name)
    with pointing_at(node.value):
        setting = Setting(name, _value(node.value, name, parameters), offset=node.value.offset)
        if name == "model" and setting.value is not None:
            catalog.model(setting.value)
    return setting


def _settable(given: str) -> str:
    name = given.lower()
    if name in FIXED:
        raise BindError(
            f"{name} cannot change while the networks that use it are loaded",
            hint=f"give it to vqe.connect({name}=…)",
        )
    known = [field.name for field in fields(Settings) if field.name not in FIXED]
    if name not in known:
        hint = did_you_mean(given, known) or f"settings: {', '.join(known)}"
        raise BindError(f"unknown setting '{given}'", hint=hint)
    return name


def _value(node: ast.Literal | ast.Name | ast.Parameter, name: str, parameters: Parameters) -> Any:
    match node:
        case ast.Literal(value):
            return value
        case ast.Name(word):
            return getattr(Settings(), name) if word.lower() == "default" else word
    constant = parameters.constant(node)
    # A duration is no number, although it is kept as one.
    return parameters.value(node) if constant.type in (DURATION, TIMESTAMP) else constant.value
