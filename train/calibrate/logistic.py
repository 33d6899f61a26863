"""Logistic regression by Newton's method, for the small heads that config.json holds. Numpy only."""

import numpy as np

from train.evaluate.metrics import Floats

STEPS = 15


def logistic(features: Floats, truths: Floats, ridge: float, *, is_balanced: bool) -> tuple[Floats, float]:
    """The weights and the bias of the log-odds of `truths` (0 to 1) given `features` `[n, d]`, under a ridge on features of unit
    spread; `is_balanced`: both sides count alike, however many there are of each."""
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
    columns = np.column_stack([(features - mean) / spread, np.ones(len(features))])
    side_weights = (0.5 / truths.sum(), 0.5 / (1 - truths).sum()) if is_balanced else (1 / len(truths), 1 / len(truths))
    sample_weights = np.where(truths == 1, *side_weights)
    penalty = np.append(np.full(features.shape[1], ridge), 0.0)
    weights = np.zeros(columns.shape[1])
    for _ in range(STEPS):
        chances = 1 / (1 + np.exp(-np.clip(columns @ weights, -500, 500)))
        gradient = columns.T @ ((chances - truths) * sample_weights) + penalty * weights
        hessian = (columns * (chances * (1 - chances) * sample_weights + 1e-9)[:, None]).T @ columns + np.diag(penalty + 1e-9)
        weights -= np.linalg.solve(hessian, gradient)
    unscaled = weights[:-1] / spread
    return unscaled, float(weights[-1] - unscaled @ mean)
