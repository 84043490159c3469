"""Benchmarks: speed beside accuracy, against a baseline timed in the same run."""
