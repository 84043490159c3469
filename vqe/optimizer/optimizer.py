"""Applies the rules to a plan until none of them finds anything to improve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from vqe.errors import ConfigError, PlanError, did_you_mean
from vqe.optimizer.fold_constants import fold_constants
from vqe.optimizer.merge_limits import merge_limits
from vqe.optimizer.push_condition_into_scan import push_condition_into_scan
from vqe.optimizer.push_limit_down import push_limit_down
from vqe.optimizer.push_predicate_into_scan import push_predicate_into_scan
from vqe.optimizer.push_range_into_scan import push_range_into_scan
from vqe.optimizer.remove_true_filters import remove_true_filters
from vqe.plan.nodes import Node

Rule = Callable[[Node], Node | None]
Observer = Callable[[str, Node, Node], None]
"""Is told the rule, the node before, and the node after."""

RULES: Final[tuple[Rule, ...]] = (
    fold_constants,  # first, for the others look for constants
    remove_true_filters,
    push_range_into_scan,  # before the next: a range needs no look at each row of the index
    push_condition_into_scan,
    push_predicate_into_scan,
    merge_limits,
    push_limit_down,
)

NEEDED: Final = ("push_predicate_into_scan",)
"""Rules that no plan can do without: only a scan can tell what is to be seen in a frame."""

MOST_REWRITES = 10_000


@dataclass(frozen=True)
class Rewrite:
    """What a rule made of a node."""

    rule: str
    before: Node
    after: Node


def rules_to_leave_out(names: str) -> frozenset[str]:
    """The rules in a list with commas between; ConfigError where one is unknown, or needed."""
    chosen = frozenset(filter(None, (name.strip().lower() for name in names.split(","))))
    known = [rule.__name__ for rule in RULES if rule.__name__ not in NEEDED]
    for name in sorted(chosen.difference(known)):
        if name in NEEDED:
            raise ConfigError(f"rule {name} cannot be left out: no plan would run without it")
        hint = did_you_mean(name, known) or f"rules: {', '.join(known)}"
        raise ConfigError(f"unknown rule '{name}'", hint=hint)
    return chosen


def optimize(
    plan: Node, *, disabled: frozenset[str] = frozenset(), observer: Observer | None = None
) -> Node:
    """A plan with the same rows that is cheaper to run.

    `disabled` names rules to leave out; `observer` is told the rule, the node before and the
    node after each rewrite.
    """
    names = [rule.__name__ for rule in RULES]
    for name in disabled.difference(names):
        raise PlanError(f"unknown rule '{name}'", hint=did_you_mean(name, names))
    return _Driver([rule for rule in RULES if rule.__name__ not in disabled], observer).run(plan)


class _Driver:
    """Walks the plan from the leaves up; the rules see one node at a time."""

    def __init__(self, rules: list[Rule], observer: Observer | None) -> None:
        self.rules = rules
        self.observer = observer
        self.rewrites_left = MOST_REWRITES

    def run(self, node: Node) -> Node:
        node = node.map_children(lambda child: self.run(cast(Node, child)))
        for rule in self.rules:
            better = rule(node)
            if better is not None:
                self._check(rule.__name__, node, better)
                # Its new children, and the other rules, may now find more to improve.
                return self.run(better)
        return node

    def _check(self, name: str, before: Node, after: Node) -> None:
        if not after.schema.equals(before.schema):
            raise PlanError(f"rule {name} changed the columns:\n{before!r}\n{after!r}")
        self.rewrites_left -= 1
        if self.rewrites_left == 0:
            raise PlanError(f"rule {name} and others rewrite without end:\n{after!r}")
        if self.observer is not None:
            self.observer(name, before, after)
