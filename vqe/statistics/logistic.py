"""Logistic regression: numpy in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LogisticRegression:
    """log-odds = ((x − mean) / scale) · weights + bias."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: float

    def log_odds(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64 (N, D) features to float64 (N,) log-odds."""
        return ((x - self.mean) / self.scale) @ self.weights + self.bias


def fit_logistic(
    x: NDArray[np.float64], y: NDArray[np.bool_], *, ridge: float = 1.0, iterations: int = 30
) -> LogisticRegression:
    """Maximum penalised likelihood by Newton's method, classes weighted to count the same.

    `x`: (N, D); `y`: bool (N,), both classes present. `ridge` is the weight of ½‖w‖², in units of
    one observation; it keeps separable data finite. The bias is not penalised.
    """
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-6
    design = np.column_stack([(x - mean) / scale, np.ones(len(x))])
    share = y.mean()
    weight = np.where(y, 0.5 / share, 0.5 / (1 - share))
    penalty = np.diag([ridge] * x.shape[1] + [1e-6])
    beta = np.zeros(design.shape[1])
    for _ in range(iterations):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        gradient = design.T @ (weight * (y - p)) - penalty @ beta
        curvature = (design * (weight * p * (1 - p))[:, None]).T @ design + penalty
        step = np.linalg.solve(curvature, gradient)
        beta += step
        if np.abs(step).max() < 1e-6:
            break
    return LogisticRegression(mean, scale, beta[:-1], float(beta[-1]))
