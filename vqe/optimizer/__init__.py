"""Rewrites of logical plans that keep their meaning."""

from vqe.optimizer.optimizer import RULES, Rewrite, optimize, rules_to_leave_out

__all__ = ["RULES", "Rewrite", "optimize", "rules_to_leave_out"]
