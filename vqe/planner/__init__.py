"""The planner: labels, candidates, thresholds, costs, and the choice of a cascade."""
