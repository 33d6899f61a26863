"""Figures of merit from answers and truths, each with a 95% interval by resampling whole lesions. Numpy only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from skinapp import labels
from skinapp.labels import CODES, LESIONS, SEVERITY, Priority
from skinapp.metrics.accuracy import (
    Floats,
    accuracies,
    average,
    balanced_accuracies,
    by_lesion,
    confusion,
    interval,
    mean,
    ratio,
    recalls,
    resamples,
)

Events = NDArray[np.bool_]
MELANOMA = CODES.index("mel")
MALIGNANT = [CODES.index(code) for code in labels.MALIGNANT]

PRIORITIES = np.array([lesion.priority.value for lesion in LESIONS])
BINS = 15


@dataclass(frozen=True)
class Answers:
    """The answers to n photos: probabilities `[n, 7]`, true lesions `[n]`, the priorities given `[n]`, t_mel, and the
    temperature that the probabilities were made with; these two are one number, or one a photo `[n]`."""

    probabilities: Floats
    truths: NDArray[np.int64]
    priorities: NDArray[np.str_]
    melanoma_threshold: float | Floats
    temperature: float | Floats = 1.0

    def take(self, indices: NDArray[np.int64]) -> "Answers":
        """The answers to some of the photos."""
        per_photo = (values[indices] for values in (self.probabilities, self.truths, self.priorities))
        rules = (np.broadcast_to(number, len(self.truths))[indices] for number in (self.melanoma_threshold, self.temperature))
        return Answers(*per_photo, *rules)

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """The likeliest lesion of each photo `[n]`."""
        return self.probabilities.argmax(1)

    @cached_property
    def untempered(self) -> Floats:
        """The probabilities at temperature 1 `[n, 7]`."""
        powers = self.probabilities ** np.reshape(
            self.temperature, (-1, 1)
        )  # softmax(logits / T)^T is softmax(logits), but for a factor a photo
        return np.asarray(powers / powers.sum(1, keepdims=True))


class Figure(Protocol):
    """A figure of some answers under every row of weights `[k, n]`: `[k]`, or `[k, 7]` for one of each lesion; nan where no photo
    of positive weight decides it."""

    def __call__(self, answers: Answers, weights: Floats, /) -> Floats: ...


def balanced_accuracy(probabilities: Floats, truths: NDArray[np.int64]) -> float:
    """The mean recall of the lesions that occur."""
    return float(balanced_accuracies(probabilities.argmax(1), truths, _alike(truths))[0])


def auc(scores: Floats, positive: Events) -> float:
    """The chance that a positive scores above a negative, ties counting half; nan where one side is empty."""
    return float(aucs(scores, positive, _alike(positive))[0])


def ece(probabilities: Floats, truths: NDArray[np.int64]) -> float:
    """Expected calibration error of the likeliest lesion, in 15 equal bins."""
    return float(eces(probabilities, truths, _alike(truths))[0])


def nll(probabilities: Floats, truths: NDArray[np.int64], weights: Floats | None = None) -> float:
    """Mean negative log-likelihood of the true lesion, of photos that count by these weights."""
    return float(np.average(_losses(probabilities, truths), weights=weights))


def mix_weights(truths: NDArray[np.int64], mix: Floats) -> Floats:
    """How much each photo counts `[n]`, so that every lesion is as common as in the mix; those outside of the seven don't."""
    counts = np.bincount(truths[truths >= 0], minlength=len(CODES))
    per_photo = np.where(counts > 0, mix / np.maximum(counts, 1), 0.0)
    weights = np.where(truths >= 0, per_photo[truths], 0.0)
    return weights / weights.sum()


def standing(probabilities: Floats, truths: NDArray[np.int64]) -> dict[str, float]:
    """The two figures that the model is held to, and that weights are chosen by."""
    return {
        "bacc": balanced_accuracy(probabilities, truths),
        "mel_auc": auc(probabilities[:, MELANOMA], truths == MELANOMA),
    }


def score(figures: Mapping[str, float]) -> float:
    """Both of a standing in one number: their sum (without melanomas the first alone), because balanced accuracy alone jumps: a
    single photo of the rarest lesion moves it by 0.01."""
    return float(np.nansum([figures["bacc"], figures["mel_auc"]]))


def share(event: Events, among: Events, weights: Floats) -> Floats:
    """The share of an event among some photos `[k]`."""
    return ratio(weights @ (event & among), weights @ among)


def aucs(scores: Floats, positive: Events, weights: Floats) -> Floats:
    """`auc` under every row of weights `[k]`."""
    above, below = weights[:, positive], weights[:, ~positive]
    beaten = np.heaviside(np.subtract.outer(scores[positive], scores[~positive]), 0.5)
    return ratio((above @ beaten * below).sum(1), above.sum(1) * below.sum(1))


def bin_of(probabilities: Floats) -> NDArray[np.int64]:
    """The bin of the likeliest lesion's probability `[n]`, of 15 equal ones."""
    return np.minimum((probabilities.max(1) * BINS).astype(np.int64), BINS - 1)


def _alike(photos: NDArray[Any]) -> Floats:
    """Every photo once: the one row of weights that gives a figure's value."""
    return np.ones((1, len(photos)))


def _f1s(predicted: NDArray[np.int64], truths: NDArray[np.int64], weights: Floats) -> Floats:
    """Each lesion's F1 `[k, 7]`; nan for one that doesn't occur."""
    hits = weights @ (by_lesion(predicted) * by_lesion(truths))
    predicted_counts, true_counts = weights @ by_lesion(predicted), weights @ by_lesion(truths)
    return np.where(true_counts > 0, ratio(2 * hits, predicted_counts + true_counts), np.nan)


def eces(probabilities: Floats, truths: NDArray[np.int64], weights: Floats) -> Floats:
    """`ece` under every row of weights `[k]`."""
    gaps = (probabilities.argmax(1) == truths) - probabilities.max(1)
    binned = np.zeros((len(truths), BINS))
    binned[np.arange(len(truths)), bin_of(probabilities)] = gaps
    return ratio(np.abs(weights @ binned).sum(1), weights.sum(1))


def eces_by_chance(probabilities: Floats, weights: NDArray[np.float64], draws: int = 200) -> Floats:
    """What `ece` comes to on as many photos for answers whose probabilities are just right: the truths are drawn by them. Of few
    photos, or of few that count for most, it is far from nothing, and a measured one tells no more than how far it lies above."""
    rng, edges = np.random.default_rng(0), probabilities.cumsum(1)
    drawn_truths = [np.minimum((edges < rng.random((len(edges), 1))).sum(1), edges.shape[1] - 1) for _ in range(draws)]
    return np.array([eces(probabilities, truths, weights[None])[0] for truths in drawn_truths])


def _losses(probabilities: Floats, truths: NDArray[np.int64]) -> Floats:
    return np.asarray(-np.log(np.maximum(probabilities[np.arange(len(truths)), truths], 1e-12)))


def _in_first(answers: Answers, count: int) -> Events:
    first = np.argsort(-answers.probabilities, axis=1, kind="stable")[:, :count]
    return np.asarray((first == answers.truths[:, None]).any(1))


def _flagged(answers: Answers) -> Events:
    return answers.probabilities[:, MELANOMA] >= answers.melanoma_threshold


def _malignant_auc(answers: Answers, weights: Floats) -> Floats:
    return aucs(answers.probabilities[:, MALIGNANT].sum(1), np.isin(answers.truths, MALIGNANT), weights)


def called(answers: Answers, priority: Priority) -> Events:
    """The photos that were given this priority `[n]`."""
    return answers.priorities == priority.value


def _truly(answers: Answers, priority: Priority) -> Events:
    return np.asarray(PRIORITIES[answers.truths] == priority.value)


def _aucs(answers: Answers, weights: Floats) -> Floats:
    """Each lesion's AUC `[k, 7]`."""
    each = [aucs(answers.probabilities[:, lesion], answers.truths == lesion, weights) for lesion in range(len(CODES))]
    return np.stack(each, axis=1)


FIGURES: dict[str, Figure] = {
    "balanced_accuracy": lambda a, w: balanced_accuracies(a.predicted, a.truths, w),
    "accuracy": lambda a, w: accuracies(a.predicted, a.truths, w),
    "macro_f1": lambda a, w: mean(_f1s(a.predicted, a.truths, w)),
    "top3_accuracy": lambda a, w: average(_in_first(a, 3), w),
    "malignant_auc": _malignant_auc,
    "ece": lambda a, w: eces(a.probabilities, a.truths, w),
    "nll": lambda a, w: average(_losses(a.probabilities, a.truths), w),
    "before_temperature.ece": lambda a, w: eces(a.untempered, a.truths, w),
    "before_temperature.nll": lambda a, w: average(_losses(a.untempered, a.truths), w),
    "melanoma.sensitivity": lambda a, w: share(_flagged(a), a.truths == MELANOMA, w),
    "melanoma.specificity": lambda a, w: share(~_flagged(a), a.truths != MELANOMA, w),
    "melanoma.auc": lambda a, w: aucs(a.probabilities[:, MELANOMA], a.truths == MELANOMA, w),
    "melanoma.called_urgent": lambda a, w: share(called(a, Priority.URGENT), a.truths == MELANOMA, w),
    "urgent_called_low": lambda a, w: share(called(a, Priority.LOW), _truly(a, Priority.URGENT), w),
    "answered": lambda a, w: average(~called(a, Priority.UNCLEAR), w),
    "recall": lambda a, w: recalls(a.predicted, a.truths, w),
    "precision": lambda a, w: recalls(a.truths, a.predicted, w),
    "auc": _aucs,
}


def report(answers: Answers, groups: Sequence[str], seed: int = 0) -> dict[str, Any]:
    """Every figure as `{value, low, high}`, nested at the dots of its name, and both confusion tables; lesions (`groups`) are
    resampled whole."""
    figures = measure(FIGURES, answers, resamples(groups, seed))
    tables = {"confusion": confusion(answers.predicted, answers.truths), "priorities": priorities(answers)}
    return {"n": len(answers.truths), "lesions": len(set(groups)), **figures, **tables}


def measure(figures: Mapping[str, Figure], answers: Answers, weights: Floats) -> dict[str, Any]:
    """Some figures as `{value, low, high}`, nested at the dots of their names; `weights` are those of `resamples`."""
    nested: dict[str, Any] = {}
    for name, figure in figures.items():
        outer, _, inner = name.rpartition(".")
        target = nested.setdefault(outer, {}) if outer else nested
        values = figure(answers, weights)
        by_lesion = zip(CODES, values.T, strict=True) if values.ndim == 2 else ()
        target[inner] = {code: interval(column) for code, column in by_lesion} or interval(values)
    return nested


def priorities(answers: Answers) -> dict[str, dict[str, int]]:
    """How many photos whose lesion has each priority were given each, or none (`unclear`)."""
    return {
        true.value: {answered.value: int((_truly(answers, true) & called(answers, answered)).sum()) for answered in Priority}
        for true in SEVERITY
    }
