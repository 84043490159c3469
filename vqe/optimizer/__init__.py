"""Rewrites of logical plans that keep their meaning."""

from vqe.optimizer.optimizer import RULES, optimize

__all__ = ["RULES", "optimize"]
