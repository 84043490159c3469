"""Logistic regression against torch's optimiser and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from vqe.statistics.logistic import LogisticRegression, fit_logistic


def data_of(n, d, seed, share=0.5):
    rng = np.random.default_rng(seed)
    y = rng.random(n) < share
    x = rng.normal(0, 1 + np.arange(d), (n, d)) + 5
    x[y] += rng.normal(1, 1, d)
    return x, y


def torch_fit(x, y, ridge):
    """The same objective, minimised by LBFGS."""
    mean, scale = x.mean(0), x.std(0) + 1e-6
    features = torch.tensor((x - mean) / scale)
    target = torch.tensor(y, dtype=torch.float64)
    weight = torch.where(target > 0, 0.5 / target.mean(), 0.5 / (1 - target.mean()))
    w = torch.zeros(x.shape[1], dtype=torch.float64, requires_grad=True)
    b = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([w, b], max_iter=500, tolerance_grad=1e-10)

    def closure():
        optimizer.zero_grad()
        logits = features @ w + b
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, target, weight, reduction="sum"
        )
        loss = loss + ridge / 2 * (w**2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return LogisticRegression(mean, scale, w.detach().numpy(), float(b.detach()))


@pytest.mark.parametrize("share", [0.5, 0.1])
@pytest.mark.parametrize("ridge", [1.0, 10.0])
def test_against_torch(share, ridge):
    x, y = data_of(300, 6, 0, share)
    ours, theirs = fit_logistic(x, y, ridge=ridge), torch_fit(x, y, ridge)
    assert_allclose(ours.weights, theirs.weights, atol=1e-4)
    assert_allclose(ours.bias, theirs.bias, atol=1e-4)
    assert_allclose(ours.log_odds(x), theirs.log_odds(x), atol=1e-3)


def test_a_balanced_binary_feature_has_a_closed_form():
    """One feature of two values and no penalty: the log-odds are those of the two groups."""
    x = np.repeat([0.0, 1.0], 100)[:, None]
    y = np.concatenate([np.arange(100) < 20, np.arange(100) < 80])
    fit = fit_logistic(x, y, ridge=1e-9, iterations=100)
    assert_allclose(fit.log_odds(np.array([[0.0], [1.0]])), [np.log(0.25), np.log(4)], atol=1e-5)


def test_classes_count_the_same():
    """Features that say nothing give even odds, however rare one class is."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(4000, 2)), np.arange(4000) < 40
    assert np.abs(fit_logistic(x, y, ridge=100.0).log_odds(x)).mean() < 0.25


def test_separable_data_and_constant_features_stay_finite():
    x = np.column_stack([np.arange(20.0), np.full(20, 3.0)])
    y = np.arange(20) >= 10
    fit = fit_logistic(x, y)
    odds = fit.log_odds(x)
    assert np.isfinite(odds).all()
    assert ((odds > 0) == y).all()


def test_more_features_than_examples():
    x, y = data_of(12, 100, 5)
    y[:2] = [True, False]
    fit = fit_logistic(x, y)
    assert np.isfinite(fit.log_odds(x)).all()
    assert ((fit.log_odds(x) > 0) == y).all()
