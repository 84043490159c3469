"""The clauses around WHERE: the select list, GROUP BY, HAVING and ORDER BY."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import pyarrow as pa

from vqe.errors import BindError
from vqe.plan.bind_error import refuse_error, with_error
from vqe.plan.bind_expressions import bind_expression
from vqe.plan.expressions import Column, Expression, columns_of
from vqe.plan.grouping import Grouping, holds_aggregate
from vqe.plan.nodes import Filter, Node, Project, Sort, SortKey
from vqe.plan.operators import comparable, condition, plain
from vqe.plan.scope import Scope, pointing_at
from vqe.plan.unknown_moments import refuse_unknown_moments
from vqe.schema import FRAMES, VIDEO_SCHEMA
from vqe.sql import ast
from vqe.sql.unparse import unparse_expression

Columns = tuple[tuple[str, Expression], ...]

SELECT_ROWS: Final = {
    ast.Frames: "SELECT FRAMES",
    ast.Events: "SELECT EVENTS",
    ast.Star: "SELECT *",
}
"""Select lists that are about single rows."""


def bind_select(query: ast.Query, rows: Callable[[], Node], scope: Scope) -> Node:
    """The select list over rows that may be grouped, and ordered.

    `rows` is called once all is bound: what the list asks for decides which columns they have.
    """
    grouping = _grouping(query, scope)
    inner = scope if grouping is None else replace(scope, groups=grouping)
    columns = _columns(query.selection, inner)
    inner = replace(inner, aliases={name.casefold(): value for name, value in columns})
    having = None
    if query.having is not None:
        bound = bind_expression(query.having.condition, inner)
        with pointing_at(query.having):
            having = condition(bound, "HAVING")
    keys = _sort_keys(query.order_by, columns, inner)
    child = rows()
    if grouping is not None:
        child = with_error(grouping.over(child), query.clauses, scope)
    else:
        refuse_error(query.clauses)
    if query.having is not None and having is not None:
        refuse_unknown_moments(having, query.having.condition, child, scope)
        child = Filter(having, child)
    return Project(columns, Sort(keys, child) if keys else child)


def bind_order(query: ast.Query, child: Node, scope: Scope) -> Node:
    """The rows of `child` in the order that the query asks for, all columns of them."""
    keys = _sort_keys(query.order_by, identity(child.schema), replace(scope, columns=child.schema))
    return Sort(keys, child) if keys else child


def identity(schema: pa.Schema) -> Columns:
    """Each column as itself."""
    return tuple((field.name, Column(field.name, field.type)) for field in schema)


def refuse_groups(query: ast.Query) -> None:
    """Raises BindError where rows that are whole frames or events shall be grouped."""
    assert not isinstance(query.selection, tuple)
    if (first := query.group_by or query.having) is not None:
        name = SELECT_ROWS[type(query.selection)]
        hint = "select the keys and aggregates, such as count(*)"
        if isinstance(query.selection, ast.Events):
            hint = "SELECT count(*) FROM (SELECT EVENTS FROM …)"
        raise BindError(f"{name} cannot be grouped", hint=hint, offset=first.offset)


def _grouping(query: ast.Query, scope: Scope) -> Grouping | None:
    """The groups of the query; None where its rows are not grouped."""
    if not isinstance(query.selection, tuple):
        refuse_groups(query)
        return None
    is_grouped = query.group_by is not None or query.having is not None
    if not is_grouped and not holds_aggregate(filter(None, (*query.selection, query.order_by))):
        return None
    nodes = query.group_by.keys if query.group_by else ()
    return Grouping([_group_key(node, query.selection, scope) for node in nodes], scope)


def _group_key(node: ast.Expression, items: Sequence[ast.Item], scope: Scope) -> Expression:
    """A key, which may be the number or the name of an item of the select list."""
    node = _item_of(node, items, scope)
    with pointing_at(node):
        bound = bind_expression(node, replace(scope, clause="GROUP BY"))
        return comparable(bound, "GROUP BY")


def _item_of(node: ast.Expression, items: Sequence[ast.Item], scope: Scope) -> ast.Expression:
    if _is_ordinal(node):
        return items[_position(node, len(items), "GROUP BY")].value
    if isinstance(node, ast.Name) and scope.column(node.name) is None:
        by_name = {item.name.casefold(): item.value for item in items if item.name}
        return by_name.get(node.name.casefold(), node)
    return node


def _is_ordinal(node: ast.Expression) -> bool:
    return isinstance(node, ast.Literal) and type(node.value) is int


def _position(node: ast.Expression, n: int, clause: str) -> int:
    assert isinstance(node, ast.Literal)
    position = node.value
    assert isinstance(position, int)
    if not 1 <= position <= n:
        raise BindError(
            f"{clause} {position} is no column of the select list",
            hint=f"it has {n} column{'s' if n != 1 else ''}",
            offset=node.offset,
        )
    return position - 1


def _columns(selection: ast.Selection, scope: Scope) -> Columns:
    match selection:
        case ast.Frames():
            names = FRAMES
        case ast.Star():
            # Of a video, what it is; how its frames were answered is there for those who ask.
            names = tuple(VIDEO_SCHEMA.names if scope.pixels else scope.columns.names)
        case tuple():
            return _items(selection, scope)
    return tuple((name, Column(name, scope.columns.field(name).type)) for name in names)


def _items(items: tuple[ast.Item, ...], scope: Scope) -> Columns:
    columns: dict[str, Expression] = {}
    spelled: dict[str, str] = {}
    for item in items:
        bound = bind_expression(item.value, scope)
        name = item.name or item.text or unparse_expression(item.value)
        if item.name is None and isinstance(item.value, ast.Name):
            name = scope.column(item.value.name) or name
        earlier = spelled.setdefault(name.casefold(), name)
        if name in columns or earlier != name:
            differs = "" if earlier == name else f" and '{earlier}': case tells no names apart"
            raise BindError(
                f"two columns are called '{name}'{differs}",
                hint="name one of them with AS",
                offset=item.offset,
            )
        columns[name] = bound
    return tuple(columns.items())


def _sort_keys(order_by: ast.OrderBy | None, columns: Columns, scope: Scope) -> tuple[SortKey, ...]:
    keys = []
    for order in order_by.keys if order_by else ():
        value = _sort_value(order.key, columns, scope)
        with pointing_at(order.key):
            value = comparable(value, "ORDER BY")
        keys.append(SortKey(plain(value), order.descending, order.nulls == "first"))
    return tuple(keys)


def _sort_value(node: ast.Expression, columns: Columns, scope: Scope) -> Expression:
    """What rows are ordered by; a number or a name may stand for a column of the select list."""
    if _is_ordinal(node):
        return columns[_position(node, len(columns), "ORDER BY")][1]
    if isinstance(node, ast.Name) and node.name.casefold() in scope.aliases:
        return scope.aliases[node.name.casefold()]
    bound = bind_expression(node, scope)
    if not columns_of(bound):
        raise BindError(
            f"ORDER BY {unparse_expression(node)} orders nothing: it is a constant",
            hint="write a column, an expression, or the number of a column: ORDER BY 1",
            offset=node.offset,
        )
    return bound
