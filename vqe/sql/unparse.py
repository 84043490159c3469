"""Statements to canonical text: `parse(unparse(statement)) == (statement,)`."""

from __future__ import annotations

from vqe.sql import ast
from vqe.sql.literals import format_interval
from vqe.sql.statements import (
    AnalyzeVideo,
    Command,
    Copy,
    CreateVideo,
    Describe,
    DropVideo,
    Explain,
    Set,
    Show,
    Statement,
)

RESERVED = {
    "case", "distinct", "events", "false", "frames", "from", "if",
    "interval", "not", "null", "select", "true", "when", "where",
}  # fmt: skip
"""Names that need quotes somewhere; see the head of the grammar."""

# How tightly an operator binds.
OR, AND, NOT, COMPARISON, SUM, PRODUCT, SIGN, ATOM = range(8)

BINDING = {
    "OR": OR,
    "AND": AND,
    "+": SUM,
    "-": SUM,
    "*": PRODUCT,
    "/": PRODUCT,
    "//": PRODUCT,
    "%": PRODUCT,
} | dict.fromkeys(("=", "<>", "<", "<=", ">", ">="), COMPARISON)


def unparse(statement: Statement) -> str:
    """The statement in one line, keywords in capitals, with no more parentheses than needed."""
    match statement:
        case ast.Query():
            return _query(statement)
        case Explain(query, analyze, format_, rules):
            options = ["RULES"] if rules else []
            options += [f"FORMAT {unparse_name(format_.name)}"] if format_ else []
            listed = f"({', '.join(options)}) " if options else ""
            return f"EXPLAIN {'ANALYZE ' if analyze else ''}{listed}{_query(query)}"
    return _command(statement)


def _command(statement: Command) -> str:  # noqa: PLR0911 - one per kind
    match statement:
        case CreateVideo(name, path, starting_at, replace):
            starting = f" STARTING AT {unparse_expression(starting_at)}" if starting_at else ""
            create = f"CREATE {'OR REPLACE ' if replace else ''}VIDEO {unparse_name(name.name)}"
            return f"{create} AS {unparse_expression(path)}{starting}"
        case DropVideo(name, if_exists):
            return f"DROP VIDEO {'IF EXISTS ' if if_exists else ''}{unparse_name(name.name)}"
        case Show(what):
            return f"SHOW {what.upper()}"
        case Describe(subject):
            return f"DESCRIBE {_source(subject)}"
        case AnalyzeVideo(source, condition, clauses):
            head = f"ANALYZE VIDEO {_source(source)} FOR {unparse_expression(condition)}"
            return " ".join([head, *map(_clause, clauses)])
        case Copy(query, path):
            return f"COPY ({_query(query)}) TO {unparse_expression(path)}"
        case Set(name, value):
            return f"SET {unparse_name(name.name)} = {unparse_expression(value)}"
    raise AssertionError(f"not a statement: {statement!r}")


def _query(query: ast.Query) -> str:
    parts = [f"SELECT {_selection(query.selection)}"]
    if query.source is not None:
        parts.append(f"FROM {_source(query.source)}")
    if query.where is not None:
        parts.append(f"WHERE {unparse_expression(query.where)}")
    if query.group_by is not None:
        parts.append(f"GROUP BY {_list(query.group_by.keys)}")
    if query.having is not None:
        parts.append(f"HAVING {unparse_expression(query.having.condition)}")
    if query.order_by is not None:
        parts.append(f"ORDER BY {', '.join(map(_order, query.order_by.keys))}")
    if query.limit is not None:
        parts.append(_limit(query.limit))
    parts += map(_clause, query.clauses)
    return " ".join(parts)


def unparse_expression(node: ast.Expression | ast.Star, binding: int = OR) -> str:
    """The expression, in parentheses if it binds less tightly than `binding`."""
    own, text = _expression(node)
    return text if own >= binding else f"({text})"


def unparse_name(name: str) -> str:
    """The name, in double quotes where it could be taken for something else."""
    if name.isidentifier() and name.lower() not in RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


def unparse_literal(value: int | float | str | bool | None) -> str:
    """A number, string, TRUE, FALSE or NULL."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if value is None or isinstance(value, bool):
        return "NULL" if value is None else str(value).upper()
    return repr(value)


def _expression(node: ast.Expression | ast.Star) -> tuple[int, str]:  # noqa: PLR0911 - one per kind
    """How tightly the expression binds, and its text."""
    match node:
        case ast.Binary("AND" | "OR" as operator):
            own = BINDING[operator]
            first, *rest = ast.operands(node, operator)
            texts = (unparse_expression(operand, own + 1) for operand in rest)
            return own, f" {operator} ".join([unparse_expression(first, own), *texts])
        case ast.Binary(operator, left, right):
            own = BINDING[operator]
            # Comparisons do not chain, so that their left operand binds more tightly too.
            return own, _binary(operator, left, right, max(own, SUM))
        case ast.Unary("NOT", operand):
            return NOT, f"NOT {unparse_expression(operand, NOT)}"
        case ast.Unary(operator, operand):
            # An atom, for `--` would start a comment.
            return SIGN, f"{operator}{unparse_expression(operand, ATOM)}"
        case ast.Between(operand, low, high, negated):
            low_text, high_text = unparse_expression(low, SUM), unparse_expression(high, SUM)
            operator = f"{_not(negated)}BETWEEN"
            return COMPARISON, f"{_operand(operand)} {operator} {low_text} AND {high_text}"
        case ast.In(operand, options, negated):
            return COMPARISON, f"{_operand(operand)} {_not(negated)}IN ({_list(options)})"
        case ast.IsNull(operand, negated):
            return COMPARISON, f"{_operand(operand)} IS {_not(negated)}NULL"
        case _:
            return ATOM, _atom(node)


def _atom(node: ast.Expression | ast.Star) -> str:  # noqa: PLR0911 - one per kind
    match node:
        case ast.Literal(value):
            return unparse_literal(value)
        case ast.Interval(us):
            return f"INTERVAL '{format_interval(us)}'"
        case ast.Name(name):
            return unparse_name(name)
        case ast.Parameter(key):
            return f"${key}"
        case ast.Star():
            return "*"
        case ast.Function(name, args, named, distinct):
            arguments = [unparse_expression(arg) for arg in args] + [_named(arg) for arg in named]
            first = "DISTINCT " if distinct else ""
            return f"{unparse_name(name)}({first}{', '.join(arguments)})"
        case ast.Case(operand, whens, otherwise):
            parts = ["CASE"] if operand is None else ["CASE", unparse_expression(operand)]
            for condition, result in whens:
                parts.append(f"WHEN {unparse_expression(condition)}")
                parts.append(f"THEN {unparse_expression(result)}")
            if otherwise is not None:
                parts.append(f"ELSE {unparse_expression(otherwise)}")
            return " ".join([*parts, "END"])
        case _:
            raise AssertionError(f"not an expression: {node!r}")


def _binary(operator: str, left: ast.Expression, right: ast.Expression, binding: int) -> str:
    # Operators associate to the left: the right operand binds more tightly.
    return (
        f"{unparse_expression(left, binding)} {operator} {unparse_expression(right, binding + 1)}"
    )


def _operand(node: ast.Expression) -> str:
    return unparse_expression(node, SUM)


def _not(negated: bool) -> str:
    return "NOT " if negated else ""


def _list(nodes: tuple[ast.Expression, ...]) -> str:
    return ", ".join(map(unparse_expression, nodes))


def _named(argument: ast.Named) -> str:
    return f"{unparse_name(argument.name)} => {unparse_expression(argument.value)}"


def _selection(selection: ast.Selection) -> str:
    match selection:
        case ast.Frames():
            return "FRAMES"
        case ast.Star():
            return "*"
        case ast.Events(options):
            return f"EVENTS ({', '.join(map(_named, options))})" if options else "EVENTS"
    return ", ".join(
        unparse_expression(item.value) + (f" AS {unparse_name(item.name)}" if item.name else "")
        for item in selection
    )


def _source(source: ast.Source) -> str:
    if isinstance(source, ast.Subquery):
        return f"({_query(source.query)})"
    return unparse_expression(source)


def _order(order: ast.Order) -> str:
    direction = " DESC" if order.descending else ""
    nulls = f" NULLS {order.nulls.upper()}" if order.nulls else ""
    return f"{unparse_expression(order.key)}{direction}{nulls}"


def _limit(limit: ast.Limit) -> str:
    text = f"LIMIT {unparse_expression(limit.count)}"
    if limit.gap is None:
        return text
    unit = " FRAMES" if limit.gap.unit == "frames" else ""
    return f"{text} GAP {unparse_expression(limit.gap.value)}{unit}"


def _clause(clause: ast.Clause) -> str:  # noqa: PLR0911 - one per kind
    match clause:
        case ast.Exact():
            return "EXACT"
        case ast.Bound(measure, value):
            return f"{measure} WITHIN {unparse_expression(value)}"
        case ast.Per(None):
            return "PER FRAME"
        case ast.Per(ast.Interval() as interval):
            return f"PER {unparse_expression(interval)}"
        case ast.Confidence(value):
            return f"CONFIDENCE {unparse_expression(value)}"
        case ast.UsingModel(model):
            return f"USING MODEL {unparse_expression(model)}"
        case ast.Budget(calls):
            return f"BUDGET {unparse_expression(calls)} CALLS"
        case ast.Deadline(duration):
            return f"DEADLINE {unparse_expression(duration)}"
    raise AssertionError(f"not a clause: {clause!r}")
