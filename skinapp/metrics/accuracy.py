"""How right answers are where the true lesions are known: the figures that training reports and the page shows. Numpy only.

A resample is a row of weights, how often each photo was drawn: a figure is computed for all resamples at once.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinapp.labels import CODES

Floats = NDArray[np.float64]
Lesions = NDArray[np.int64]
"""Indices into `labels.CODES`, one a photo `[n]`."""

RESAMPLES = 1000


def accuracies(predicted: Lesions, truths: Lesions, weights: Floats) -> Floats:
    """The share of photos whose lesion was named `[k]`."""
    return average(predicted == truths, weights)


def balanced_accuracies(predicted: Lesions, truths: Lesions, weights: Floats, kinds: int = len(CODES)) -> Floats:
    """The mean recall of the lesions that occur `[k]`."""
    return mean(recalls(predicted, truths, weights, kinds))


def recalls(predicted: Lesions, truths: Lesions, weights: Floats, kinds: int = len(CODES)) -> Floats:
    """Each lesion's recall `[k, 7]`, nan for one that doesn't occur; with the two lists swapped, its precision."""
    known = by_lesion(truths, kinds)
    return ratio(weights @ (by_lesion(predicted, kinds) * known), weights @ known)


def by_lesion(lesions: Lesions, kinds: int = len(CODES)) -> Floats:
    """Lesions as ones in a table `[n, 7]`, or whatever else there are so many kinds of."""
    return np.asarray(np.eye(kinds)[lesions])


def average(values: NDArray[Any], weights: Floats) -> Floats:
    """The mean over all photos `[k]`."""
    return ratio(weights @ values, weights.sum(1))


def mean(values: Floats) -> Floats:
    """The mean of what is known in each row."""
    return ratio(np.nansum(values, axis=1), (~np.isnan(values)).sum(axis=1))


def ratio(part: Floats, whole: Floats) -> Floats:
    """Part by whole, nan where the whole is nothing."""
    return np.asarray(np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0))


def resamples(groups: Sequence[str], seed: int = 0) -> Floats:
    """Weights `[1 + RESAMPLES, n]`: every photo once in the first row; in each other, as often as its lesion was drawn."""
    rng = np.random.default_rng(seed)
    names, member = np.unique(list(groups), return_inverse=True)
    drawn = [np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names)) for _ in range(RESAMPLES)]
    return np.ascontiguousarray(np.stack([np.ones(len(names)), *drawn])[:, member])


def interval(values: Floats) -> dict[str, float | None]:
    """The first number and the 95% interval of the others; null where no photo decides it."""
    value, drawn = values[0], values[1:][~np.isnan(values[1:])]
    if np.isnan(value) or not len(drawn):
        return {"value": None, "low": None, "high": None}
    low, high = np.percentile(drawn, (2.5, 97.5))
    return {"value": round(float(value), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def confusion(predicted: Lesions, truths: Lesions) -> dict[str, dict[str, int]]:
    """How many photos of each lesion were named as each."""
    counts = np.zeros((len(CODES), len(CODES)), int)
    np.add.at(counts, (truths, predicted), 1)
    return {code: dict(zip(CODES, row.tolist(), strict=True)) for code, row in zip(CODES, counts, strict=True)}
