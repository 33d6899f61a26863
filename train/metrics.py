"""Figures of merit from answers and truths, each with a 95% interval by resampling whole lesions. Numpy only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinapp.labels import CODES, LESIONS, Priority

Floats = NDArray[np.float64]
Figure = Callable[["Answers"], float]
MELANOMA = CODES.index("mel")
PRIORITIES = np.array([lesion.priority.value for lesion in LESIONS])
BINS = 15
RESAMPLES = 1000


@dataclass(frozen=True)
class Answers:
    """What was said of n photos: probabilities `[n, 7]`, true lesions `[n]`, the priorities given `[n]`, and t_mel."""

    probabilities: Floats
    truths: NDArray[np.int64]
    priorities: NDArray[np.str_]
    melanoma_threshold: float

    def take(self, chosen: NDArray[np.int64]) -> "Answers":
        return Answers(self.probabilities[chosen], self.truths[chosen], self.priorities[chosen], self.melanoma_threshold)


def recalls(probabilities: Floats, truths: NDArray[np.int64]) -> Floats:
    """The share of each lesion's photos that were named rightly `[7]`; nan for a lesion without photos."""
    right = probabilities.argmax(1) == truths
    return np.array([_share(right, truths == lesion) for lesion in range(len(CODES))])


def balanced_accuracy(probabilities: Floats, truths: NDArray[np.int64]) -> float:
    """The mean recall of the lesions that occur."""
    return float(np.nanmean(recalls(probabilities, truths)))


def auc(scores: Floats, positive: NDArray[np.bool_]) -> float:
    """The chance that a positive scores above a negative, ties counting half; nan where one side is empty."""
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return float("nan")
    _, where, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[where]
    return float((ranks[positive].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def ece(probabilities: Floats, truths: NDArray[np.int64]) -> float:
    """Expected calibration error of the likeliest lesion, in 15 equal bins."""
    sure, right = probabilities.max(1), probabilities.argmax(1) == truths
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    gaps = [abs(float(right[bins == b].mean() - sure[bins == b].mean())) * float((bins == b).mean()) for b in np.unique(bins)]
    return float(sum(gaps))


def nll(probabilities: Floats, truths: NDArray[np.int64]) -> float:
    """Mean negative log-likelihood of the true lesion."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(truths)), truths], 1e-12)).mean())


def _share(event: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    return float(event[among].mean()) if among.any() else float("nan")


def _flagged(answers: Answers) -> NDArray[np.bool_]:
    return answers.probabilities[:, MELANOMA] >= answers.melanoma_threshold


def _given(answers: Answers, priority: Priority) -> NDArray[np.bool_]:
    return answers.priorities == priority.value


def _truly(answers: Answers, priority: Priority) -> NDArray[np.bool_]:
    return np.asarray(PRIORITIES[answers.truths] == priority.value)


FIGURES: dict[str, Figure] = {
    "balanced_accuracy": lambda a: balanced_accuracy(a.probabilities, a.truths),
    "accuracy": lambda a: float((a.probabilities.argmax(1) == a.truths).mean()),
    "ece": lambda a: ece(a.probabilities, a.truths),
    "nll": lambda a: nll(a.probabilities, a.truths),
    "melanoma.sensitivity": lambda a: _share(_flagged(a), a.truths == MELANOMA),
    "melanoma.specificity": lambda a: _share(~_flagged(a), a.truths != MELANOMA),
    "melanoma.auc": lambda a: auc(a.probabilities[:, MELANOMA], a.truths == MELANOMA),
    "melanoma.called_urgent": lambda a: _share(_given(a, Priority.URGENT), a.truths == MELANOMA),
    "urgent_called_low": lambda a: _share(_given(a, Priority.LOW), _truly(a, Priority.URGENT)),
    "answered": lambda a: float((~_given(a, Priority.UNCLEAR)).mean()),
}
FIGURES |= {f"recall.{c}": (lambda a, i=i: _share(a.probabilities.argmax(1) == i, a.truths == i)) for i, c in enumerate(CODES)}  # type: ignore[misc]
FIGURES |= {f"auc.{c}": (lambda a, i=i: auc(a.probabilities[:, i], a.truths == i)) for i, c in enumerate(CODES)}  # type: ignore[misc]


def report(answers: Answers, groups: Sequence[str], seed: int = 0) -> dict[str, Any]:
    """Every figure as `{value, low, high}`, nested at the dots of its name; lesions (`groups`) are resampled whole."""
    drawn = [answers.take(chosen) for chosen in _resamples(groups, seed)]
    nested: dict[str, Any] = {"n": len(answers.truths), "lesions": len(set(groups))}
    for name, figure in FIGURES.items():
        outer, _, inner = name.rpartition(".")
        place = nested.setdefault(outer, {}) if outer else nested
        place[inner] = _interval(figure(answers), [figure(sample) for sample in drawn])
    return nested


def _resamples(groups: Sequence[str], seed: int) -> list[NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    rows = [np.flatnonzero(member == group) for group in range(member.max() + 1)]
    return [np.concatenate([rows[group] for group in rng.integers(len(rows), size=len(rows))]) for _ in range(RESAMPLES)]


def _interval(value: float, drawn: Sequence[float]) -> dict[str, float | None]:
    """The value and its 95% interval; null where no photo decides it."""
    known = [sample for sample in drawn if not np.isnan(sample)]
    if np.isnan(value) or not known:
        return {"value": None, "low": None, "high": None}
    low, high = np.percentile(known, (2.5, 97.5))
    return {"value": round(value, 4), "low": round(float(low), 4), "high": round(float(high), 4)}
