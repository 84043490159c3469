"""Expressions and queries as frozen values, as the parser yields them.

`offset` is the character position an error points at; it takes no part in equality, and neither
does the text of the statement.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Literal as OneOf


@dataclass(frozen=True, kw_only=True)
class Located:
    """Something an error can point at."""

    offset: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True)
class Literal(Located):
    """A number, a string, TRUE, FALSE or NULL; numbers have no sign."""

    value: int | float | str | bool | None


@dataclass(frozen=True)
class Interval(Located):
    """INTERVAL '…', in microseconds."""

    us: int


@dataclass(frozen=True)
class Name(Located):
    """A column, video or model, spelled as in the statement."""

    name: str


@dataclass(frozen=True)
class Parameter(Located):
    """`$name`, or the number of a `?` or `$1`, from 1."""

    key: int | str


@dataclass(frozen=True)
class Unary(Located):
    """`-x`, `+x` or `NOT x`."""

    operator: str
    operand: Expression


@dataclass(frozen=True)
class Binary(Located):
    """`left operator right`; arithmetic, a comparison, AND or OR. `<>` stands for `!=` too."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Between(Located):
    """`operand [NOT] BETWEEN low AND high`."""

    operand: Expression
    low: Expression
    high: Expression
    negated: bool = False


@dataclass(frozen=True)
class In(Located):
    """`operand [NOT] IN (options)`."""

    operand: Expression
    options: tuple[Expression, ...]
    negated: bool = False


@dataclass(frozen=True)
class IsNull(Located):
    """`operand IS [NOT] NULL`."""

    operand: Expression
    negated: bool = False


@dataclass(frozen=True)
class Case(Located):
    """`CASE [operand] WHEN … THEN … [ELSE otherwise] END`; `whens` are (condition, value)."""

    operand: Expression | None
    whens: tuple[tuple[Expression, Expression], ...]
    otherwise: Expression | None = None


@dataclass(frozen=True)
class Star(Located):
    """`*` as the argument of a function or as the whole select list."""


@dataclass(frozen=True)
class Named(Located):
    """`name => value`, an argument given by name."""

    name: str
    value: Expression


@dataclass(frozen=True)
class Function(Located):
    """`name([DISTINCT] args, named)`; the name is in lower case."""

    name: str
    args: tuple[Expression | Star, ...] = ()
    named: tuple[Named, ...] = ()
    distinct: bool = False


Expression = (
    Literal | Interval | Name | Parameter | Unary | Binary | Between | In | IsNull | Case | Function
)


def walk(root: Located) -> Iterator[Located]:
    """The node and all nodes inside, in the order in which they are written."""
    stack: list[object] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, Located):
            yield node
            stack.extend(getattr(node, field.name) for field in reversed(fields(node)))
        elif isinstance(node, tuple):
            stack.extend(reversed(node))


def operands(node: Expression, operator: str) -> list[Expression]:
    """`a`, `b` and `c` of `a operator b operator c`; only the node where it is something else."""
    rest = []
    while isinstance(node, Binary) and node.operator == operator:
        rest.append(node.right)
        node = node.left
    return [node, *reversed(rest)]


@dataclass(frozen=True)
class Frames(Located):
    """`SELECT FRAMES`."""


@dataclass(frozen=True)
class Events(Located):
    """`SELECT EVENTS (gap => …, min_duration => …)`."""

    options: tuple[Named, ...] = ()


@dataclass(frozen=True)
class Item(Located):
    """`value [AS name]` of a select list; `text` is what was written, on one line."""

    value: Expression
    name: str | None = None
    text: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True)
class Subquery(Located):
    """`(query)` as a source."""

    query: Query


@dataclass(frozen=True)
class GroupBy(Located):
    """`GROUP BY keys`."""

    keys: tuple[Expression, ...]


@dataclass(frozen=True)
class Having(Located):
    """`HAVING condition`."""

    condition: Expression


@dataclass(frozen=True)
class Order(Located):
    """`key [ASC | DESC] [NULLS FIRST | LAST]`."""

    key: Expression
    descending: bool = False
    nulls: OneOf["first", "last"] | None = None


@dataclass(frozen=True)
class OrderBy(Located):
    """`ORDER BY keys`."""

    keys: tuple[Order, ...]


@dataclass(frozen=True)
class Gap(Located):
    """`GAP duration`, or `GAP n FRAMES`."""

    value: Expression
    unit: OneOf["duration", "frames"]


@dataclass(frozen=True)
class Limit(Located):
    """`LIMIT count [GAP …]`."""

    count: Literal | Parameter
    gap: Gap | None = None


@dataclass(frozen=True)
class Exact(Located):
    """`EXACT`."""


@dataclass(frozen=True)
class Bound(Located):
    """`measure WITHIN value`; a percentage is a share."""

    measure: OneOf["FNR", "FPR", "FDR", "ERROR"]
    value: Literal | Parameter


@dataclass(frozen=True)
class Per(Located):
    """`PER INTERVAL …`; None is `PER FRAME`."""

    interval: Interval | None


@dataclass(frozen=True)
class Confidence(Located):
    """`CONFIDENCE share`."""

    value: Literal | Parameter


@dataclass(frozen=True)
class UsingModel(Located):
    """`USING MODEL model`."""

    model: Name | Literal | Parameter


@dataclass(frozen=True)
class Budget(Located):
    """`BUDGET calls CALLS`."""

    calls: Literal | Parameter


@dataclass(frozen=True)
class Deadline(Located):
    """`DEADLINE duration`."""

    duration: Interval | Literal | Parameter


Selection = Frames | Events | Star | tuple[Item, ...]
Source = Name | Literal | Parameter | Subquery
Clause = Exact | Bound | Per | Confidence | UsingModel | Budget | Deadline


@dataclass(frozen=True)
class Query(Located):
    """`SELECT …`, its clauses on accuracy and effort in the order given."""

    selection: Selection
    source: Source | None = None
    where: Expression | None = None
    group_by: GroupBy | None = None
    having: Having | None = None
    order_by: OrderBy | None = None
    limit: Limit | None = None
    clauses: tuple[Clause, ...] = ()
    sql: str = field(default="", compare=False, repr=False, kw_only=True)
