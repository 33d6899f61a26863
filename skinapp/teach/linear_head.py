"""Learns a regularised linear head on embeddings, and says how good it is; the only importer of scikit-learn.

Everything is chosen on the pictures to learn from, by cross-validation over groups of near-duplicates; what was held out is
looked at once, by the head that is handed over.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from skinapp.assessment import triage
from skinapp.metrics import accuracy
from skinapp.teach import quotas
from skinapp.teach.dataset.split import Integers, Split, folds
from skinapp.teach.progress import Progress

STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)
"""Inverse strengths of regularisation (C) that are tried, on features whose variance is 1 on average; the first takes least."""
USUAL = 1e-2
"""The one by which kinds of features are compared: on photos it is never far from the best."""
LEAST_FEATURE = 1e-6
"""A feature below counts as this much, before its root is taken."""
CLEARLY = 2.0
"""Standard errors by which two networks together must be better than one, or they aren't worth their time."""
STEPS = 1000
"""Most steps of the solver; on such features it takes a tenth of them."""
TEMPERATURES = np.geomspace(0.1, 10, 201)
CURVE = (0.25, 0.5)
"""Shares of the pictures that the learning curve is drawn through; the whole is known already."""
BINS = 10

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Head:
    """A linear head: logits are `weights [k, d]` times the embedding plus `bias [k]`."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def logits(self, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits `[n, k]` of embeddings `[n, d]`."""
        return np.asarray(embedding @ self.weights.T + self.bias, np.float32)


@dataclass(frozen=True)
class CurvePoint:
    """A point of the learning curve: from this share of the pictures, each class's recall `[k]`, nan where it has none."""

    share: float
    recalls: Floats

    @property
    def balanced(self) -> float:
        return float(np.nanmean(self.recalls))


@dataclass(frozen=True)
class TrainedHead:
    """What was learned, `head` with its `temperature` and `strength` (C); how good it is on what was held out, and the
    probabilities that it gave these pictures, `chances [n, k]`; and the learning curve, by cross-validation on what it learned
    from."""

    head: Head
    temperature: float
    strength: float
    figures: dict[str, Any]
    confusion: NDArray[np.int64]
    chances: Floats
    curve: tuple[CurvePoint, ...]


@dataclass(frozen=True)
class _Data:
    """What is learned from: `x [n, d]` of variance 1 on average, turned so that d is at most the number of looks; the same
    pictures at a second look `second [n, d]`, which are learned from as well, or `[0, d]`; classes `y`; folds; the way back."""

    x: Floats
    second: Floats
    y: Integers
    fold: Integers
    classes: int
    mean: Floats
    back: Floats


@dataclass(frozen=True)
class Features:
    """What networks see of pictures: `embedding [n, d]`, of one network or of several side by side, each with so many of the d as
    `sizes` says; and the same of a second look at them, where there was one."""

    embedding: NDArray[np.float32]
    sizes: tuple[int, ...]
    second: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Comparison:
    """How well a kind of features tells the classes apart, by cross-validation: balanced accuracy, and each picture's loss."""

    balanced: float
    losses: Floats
    weights: Floats
    """Of the pictures: each class weighs the same."""

    @property
    def loss(self) -> float:
        return float(np.average(self.losses, weights=self.weights))

    def is_clearly_better(self, other: "Comparison") -> bool:
        """Whether the loss is lower by more than chance explains, and no class pays for it."""
        gain = (other.losses - self.losses) * self.weights / self.weights.mean()
        return float(gain.mean()) > CLEARLY * float(gain.std() / np.sqrt(len(gain))) and self.balanced >= other.balanced


def rooted(embedding: NDArray[np.float32]) -> NDArray[np.float32]:
    """The fourth root of every feature, which are none of them negative: loud features then don't drown the others, and few
    pictures tell more (seven classes of photos: 0.833 to 0.876)."""
    value = np.maximum(embedding, np.float32(LEAST_FEATURE))
    return np.asarray(embedding * (np.sqrt(np.sqrt(value)) / value), np.float32)


def compare(
    features: Features, targets: Integers, groups: Integers, train: Integers, classes: int, progress: Progress
) -> Comparison:
    """How well these features tell the pictures apart that are learned from."""
    with threadpool_limits(1):
        data = _prepare(features, targets, groups, train, classes)
        logits = _cross_validate(data, USUAL, progress, progress.check)
    tempered = logits / _temperature(logits, data.y)
    shifted = tempered - tempered.max(1, keepdims=True)
    losses = np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(data.y)), data.y]
    return Comparison(float(np.nanmean(_recalls(logits, data.y, classes))), losses, 1 / np.bincount(data.y)[data.y])


def train_head(
    features: Features, targets: Integers, groups: Integers, split: Split, classes: int, progress: Progress
) -> TrainedHead:
    """The best head for these features, with figures from what was held out."""
    # One thread: the others are for the visitors who only want their photo answered.
    with threadpool_limits(1):
        data = _prepare(features, targets, groups, split.train, classes)
        progress.begin("learning", (len(STRENGTHS) + len(CURVE)) * (data.fold.max() + 1) + 1)
        logits_by_strength = _try_strengths(data, progress)
        strength = min(logits_by_strength, key=lambda candidate: _tempered_loss(logits_by_strength[candidate], data.y))
        temperature = _temperature(logits_by_strength[strength], data.y)
        curve = [_curve_point(data, strength, share, progress) for share in CURVE]
        curve.append(CurvePoint(1.0, _recalls(logits_by_strength[strength], data.y, classes)))
        head = _head(data, _fit(*_samples(data, np.ones(len(data.y), np.bool_)), classes, strength, progress.check))
        progress.step()
    logits = head.logits(features.embedding[split.test])
    chances, truths = triage.probabilities(logits, temperature), targets[split.test]
    figures = _figures(chances, truths, groups[split.test], classes)
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (truths, chances.argmax(1)), 1)
    return TrainedHead(head, temperature, strength, figures, confusion, chances, tuple(curve))


def _prepare(features: Features, targets: Integers, groups: Integers, train: Integers, classes: int) -> _Data:
    x = features.embedding[train].astype(np.float64)
    second = x[:0] if features.second is None else features.second[train].astype(np.float64)
    mean = x.mean(0)
    # One scale for all of a network's: scaling each feature by itself was as accurate, but gave features that hardly vary weights
    # that spoil the maps.
    scale = 1 / np.concatenate([np.full(size, _spread(part)) for size, part in _parts(x - mean, features.sizes)])
    x, second = (x - mean) * scale, (second - mean) * scale
    # With fewer looks than features all solutions lie in the looks' own span: turned into it, they are found in less time.
    every = np.concatenate([x, second])
    basis = np.linalg.svd(every, full_matrices=False)[2] if len(every) < x.shape[1] else np.eye(x.shape[1])
    y = targets[train]
    return _Data(x @ basis.T, second @ basis.T, y, folds(y, groups[train]), classes, mean, basis * scale)


def _parts(x: Floats, sizes: tuple[int, ...]) -> list[tuple[int, Floats]]:
    """The features of each network."""
    ends = np.cumsum(sizes)
    return [(size, x[:, end - size : end]) for size, end in zip(sizes, ends.tolist(), strict=True)]


def _spread(part: Floats) -> float:
    return max(float(np.sqrt(np.square(part).mean())), 1e-9)


def _samples(data: _Data, is_chosen: NDArray[np.bool_]) -> tuple[Floats, Integers]:
    """The chosen pictures at each look that there was at them, with their classes."""
    if not len(data.second):
        return data.x[is_chosen], data.y[is_chosen]
    return np.concatenate([data.x[is_chosen], data.second[is_chosen]]), np.tile(data.y[is_chosen], 2)


class _OutOfTimeError(Exception):
    """No time is left to try another strength."""


class _Watch:
    """scikit-learn's callback, which checks at each of the solver's steps whether to go on."""

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check

    def setup(self, estimator: Any, context: Any) -> None: ...

    def teardown(self, estimator: Any, context: Any) -> None: ...

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None: ...

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        self._check()
        return False


def _try_strengths(data: _Data, progress: Progress) -> dict[float, Floats]:
    """Cross-validated logits by strength: of the first one, and of as many others as there is time for."""
    logits, budget_end = dict[float, Floats](), progress.spent_s + quotas.TRYING_S

    def check() -> None:
        progress.check()
        if logits and progress.spent_s > budget_end:
            raise _OutOfTimeError

    with suppress(_OutOfTimeError):
        for strength in STRENGTHS:
            logits[strength] = _cross_validate(data, strength, progress, check)
    return logits


def _fit(x: Floats, y: Integers, classes: int, strength: float, check: Callable[[], None]) -> tuple[Floats, Floats]:
    """Weights `[k, d]` and biases `[k]`; each class weighs the same, however many pictures it has."""
    from sklearn.linear_model import LogisticRegression  # here, because it takes 2 s, which a page that nobody teaches saves

    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=STEPS)
    model.set_callbacks(_Watch(check)).fit(x, y)
    weights, bias = model.coef_, model.intercept_
    if classes == 2:  # one row, which is the difference of the two
        return np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
    return np.asarray(weights), np.asarray(bias)


def _head(data: _Data, weights_and_bias: tuple[Floats, Floats]) -> Head:
    weights = weights_and_bias[0] @ data.back
    return Head(np.asarray(weights, np.float32), np.asarray(weights_and_bias[1] - weights @ data.mean, np.float32))


def _cross_validate(
    data: _Data, strength: float, progress: Progress, check: Callable[[], None], is_chosen: NDArray[np.bool_] | None = None
) -> Floats:
    """Logits `[n, k]` of every picture from a head that never saw it or its near-duplicates; trained on those of `is_chosen`."""
    logits = np.zeros((len(data.y), data.classes))
    for fold in range(data.fold.max() + 1):
        is_trained_on = data.fold != fold if is_chosen is None else (data.fold != fold) & is_chosen
        weights, bias = _fit(*_samples(data, is_trained_on), data.classes, strength, check)
        logits[data.fold == fold] = data.x[data.fold == fold] @ weights.T + bias
        progress.step()
    return logits


def _curve_point(data: _Data, strength: float, share: float, progress: Progress) -> CurvePoint:
    """The recalls that a share of the pictures of every class and fold gives, drawn from a fixed seed."""
    rng, is_chosen = np.random.default_rng(0), np.zeros(len(data.y), np.bool_)
    for fold in range(data.fold.max() + 1):
        for target in range(data.classes):
            members = rng.permutation(np.flatnonzero((data.fold == fold) & (data.y == target)))
            is_chosen[members[: max(1, round(share * len(members)))]] = True
    return CurvePoint(share, _recalls(_cross_validate(data, strength, progress, progress.check, is_chosen), data.y, data.classes))


def _recalls(logits: Floats, y: Integers, classes: int) -> Floats:
    is_right = logits.argmax(1) == y
    return np.array([is_right[y == target].mean() if (y == target).any() else np.nan for target in range(classes)])


def _temperature(logits: Floats, y: Integers) -> float:
    return float(min(TEMPERATURES, key=lambda temperature: _loss(logits / temperature, y)))


def _tempered_loss(logits: Floats, y: Integers) -> float:
    """The loss at the best temperature."""
    return _loss(logits / _temperature(logits, y), y)


def _loss(logits: Floats, y: Integers) -> float:
    """The mean negative log-probability of the truth, each class weighing the same."""
    shifted = logits - logits.max(1, keepdims=True)
    losses = np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(y)), y]
    return float(np.average(losses, weights=1 / np.bincount(y)[y]))


def _figures(chances: Floats, truths: Integers, groups: Integers, classes: int) -> dict[str, Any]:
    """Accuracy and balanced accuracy with 95% intervals by group, ECE, each class's recall, and the commonest class's share."""
    predicted, weights = chances.argmax(1).astype(np.int64), accuracy.resamples([str(group) for group in groups])
    recalls = accuracy.recalls(predicted, truths, weights[:1], classes)[0]
    return {
        "n": len(truths),
        "accuracy": accuracy.interval(accuracy.accuracies(predicted, truths, weights)),
        "balanced_accuracy": accuracy.interval(accuracy.balanced_accuracies(predicted, truths, weights, classes)),
        "ece": round(_ece(chances, truths), 4),
        "commonest": round(float(np.bincount(truths).max() / len(truths)), 4),
        "recall": [None if np.isnan(recall) else round(float(recall), 4) for recall in recalls],
    }


def _ece(chances: Floats, truths: Integers) -> float:
    """The mean gap between how sure the head is of its predictions and how often they are right, in ten bins."""
    confidence, is_right = chances.max(1), chances.argmax(1) == truths
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [
        abs(confidence[bins == number].mean() - is_right[bins == number].mean()) * (bins == number).mean()
        for number in np.unique(bins)
    ]
    return float(sum(gaps))
