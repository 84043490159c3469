"""Applies the rules to a plan until none of them finds anything to improve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from vqe.errors import ConfigError, PlanError, did_you_mean
from vqe.optimizer.fold_constants import fold_constants
from vqe.optimizer.limit_sorted_rows import limit_sorted_rows
from vqe.optimizer.make_pictures_last import make_pictures_last
from vqe.optimizer.merge_filters import merge_filters
from vqe.optimizer.merge_limits import merge_limits
from vqe.optimizer.merge_projects import merge_projects
from vqe.optimizer.order_conjuncts import order_conjuncts
from vqe.optimizer.prune_columns import prune_columns
from vqe.optimizer.push_condition_into_scan import push_condition_into_scan
from vqe.optimizer.push_filter_through_aggregate import push_filter_through_aggregate
from vqe.optimizer.push_filter_through_annotate import push_filter_through_annotate
from vqe.optimizer.push_filter_through_project import push_filter_through_project
from vqe.optimizer.push_filter_through_sort import push_filter_through_sort
from vqe.optimizer.push_limit_down import push_limit_down
from vqe.optimizer.push_predicate_into_scan import push_predicate_into_scan
from vqe.optimizer.push_range_into_scan import push_range_into_scan
from vqe.optimizer.remove_identity_projects import remove_identity_projects
from vqe.optimizer.remove_redundant_conditions import remove_redundant_conditions
from vqe.optimizer.remove_redundant_sorts import remove_redundant_sorts
from vqe.optimizer.remove_true_filters import remove_true_filters
from vqe.optimizer.sort_before_annotating import sort_before_annotating
from vqe.plan.nodes import Node

Rule = Callable[[Node], Node | None]
Observer = Callable[[str, Node, Node], None]
"""Is told the rule, the node before, and the node after."""

RULES: Final[tuple[Rule, ...]] = (
    fold_constants,  # first, for the others look for constants
    remove_true_filters,
    remove_redundant_conditions,  # before conditions move, and are no longer seen together
    merge_filters,
    push_filter_through_project,
    push_filter_through_sort,
    push_filter_through_aggregate,
    push_filter_through_annotate,
    make_pictures_last,  # what is left of the filter asks for something that is seen
    push_range_into_scan,  # before the next: a range needs no look at each row of the index
    push_condition_into_scan,
    push_predicate_into_scan,
    order_conjuncts,  # of those that stayed above the scan
    merge_projects,
    push_limit_down,  # before the next two: the limit meets what it can merge with
    merge_limits,
    remove_redundant_sorts,  # before the next, which hides the Sort
    limit_sorted_rows,
    sort_before_annotating,
    remove_identity_projects,
    prune_columns,  # last, when it is known what the others have left to ask for
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
