"""What expressions mean behind GROUP BY: keys and aggregates are columns, others are refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from vqe.errors import BindError
from vqe.plan.aggregates import AGGREGATES, AggregateCall, aggregate_of
from vqe.plan.bind_expressions import SIGHTS, bind_expression
from vqe.plan.expressions import Column, Expression
from vqe.plan.nodes import Aggregate, Node
from vqe.plan.operators import plain
from vqe.plan.scope import Scope
from vqe.sql import ast


def holds_aggregate(nodes: Iterable[ast.Located]) -> bool:
    """Whether one of the nodes is an aggregate, or holds one."""
    return any(
        isinstance(node, ast.Function) and node.name in AGGREGATES
        for root in nodes
        for node in ast.walk(root)
    )


class Grouping:
    """The keys of a query, and the aggregates that its expressions turn out to need."""

    def __init__(self, keys: Sequence[Expression], scope: Scope) -> None:
        """`scope` is that of the rows before they are grouped."""
        self.scope = scope
        self.keys: dict[Expression, str] = {}
        self.aggregates: dict[AggregateCall, str] = {}
        for key in keys:
            if key not in self.keys:
                name = key.name if isinstance(key, Column) else str(key)
                self.keys[key] = self._unused(name)
        self.only_columns = all(isinstance(key, Column) for key in keys)

    def resolve(self, node: ast.Expression | ast.Star) -> Expression | None:  # noqa: PLR0911 - one per kind
        """The column of a key or an aggregate; None for constants, aliases and what is built of
        others. Raises BindError for a column that is neither grouped nor aggregated."""
        match node:
            case ast.Function(name) if name in AGGREGATES:
                return self._aggregate(node)
            case ast.Function(name) if name in SIGHTS and self.scope.pixels:
                return self._required(bind_expression(node, self.scope), f"{name}()")
            case ast.Name(name):
                return self._column(name)
            case ast.Star() | ast.Literal() | ast.Interval() | ast.Parameter():
                return None
        if self.only_columns or holds_aggregate([node]):
            return None
        try:
            bound = bind_expression(node, self.scope)
        except BindError:
            return None  # a part of it is an alias, or will say what is wrong with it
        return self._key(bound) if bound in self.keys else None

    def over(self, child: Node) -> Aggregate:
        """The node that yields the columns resolved so far."""
        if not self.keys and not self.aggregates:
            self._column_of(aggregate_of("count", None, distinct=False))
        keys = tuple((name, plain(key)) for key, name in self.keys.items())
        calls = tuple((name, call) for call, name in self.aggregates.items())
        return Aggregate(keys, calls, child)

    def _key(self, key: Expression) -> Column:
        return Column(self.keys[key], plain(key).type)

    def _column(self, name: str) -> Expression | None:
        spelled = self.scope.column(name)
        if spelled is None:
            return None
        return self._required(bind_expression(ast.Name(spelled), self.scope), spelled)

    def _required(self, value: Expression, spelled: str) -> Column:
        """The column of the key that `value` must be."""
        if value in self.keys:
            return self._key(value)
        what = spelled if spelled.endswith("()") else f"column {spelled}"
        argument = spelled.replace("()", "(…)")
        raise BindError(
            f"{what} is neither grouped nor aggregated",
            hint=f"put it into GROUP BY, or ask for min({argument}), max({argument}) …",
        )

    def _aggregate(self, node: ast.Function) -> Column:
        if node.named:
            name = node.named[0].name
            raise BindError(
                f"{node.name}() takes no argument '{name}'", offset=node.named[0].offset
            )
        if len(node.args) != 1:
            raise BindError(f"{node.name}() takes one argument, got {len(node.args)}")
        argument = None
        if not (isinstance(node.args[0], ast.Star) and node.name == "count" and not node.distinct):
            inside = replace(self.scope, clause="an aggregate")
            argument = bind_expression(node.args[0], inside)
        return self._column_of(aggregate_of(node.name, argument, distinct=node.distinct))

    def _column_of(self, call: AggregateCall) -> Column:
        if call not in self.aggregates:
            self.aggregates[call] = self._unused(str(call))
        return Column(self.aggregates[call], call.type)

    def _unused(self, name: str) -> str:
        while name in self.keys.values() or name in self.aggregates.values():
            name += "'"
        return name
