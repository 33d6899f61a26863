"""Which number tells best that a picture shows no lesion: the candidates that one pass of the network pays for, side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinapp.labels import CODES
from skinapp.model.session import Outputs
from skinapp.model.spec import LesionHead
from train.calibrate.logistic import logistic
from train.evaluate import metrics

RIDGE = 0.01
SHRINKAGE = 0.1
"""Of the shared covariance towards a round one: there are about as many features as photos."""
NEIGHBOURS = 10
PASS_RATES = (0.99, 0.985, 0.98)
"""Shares of the lesions of `val` that a limit lets through."""

Floats = NDArray[np.float64]


def lesion_head(lesions: NDArray[np.float32], others: NDArray[np.float32]) -> LesionHead:
    """What tells lesions' embeddings `[n, d]` from others' `[m, d]`."""
    return LesionHead(*linear_separator(lesions, others))


def linear_separator(positives: NDArray[np.float32], negatives: NDArray[np.float32]) -> tuple[tuple[float, ...], float]:
    """Weights and bias of a ridge logistic regression on the directions of embeddings `[n, d]` and `[m, d]`."""
    features = np.vstack([direction(positives), direction(negatives)])
    weights, bias = logistic(features, np.repeat([1.0, 0.0], [len(positives), len(negatives)]), RIDGE, is_balanced=True)
    return tuple(float(f"{weight:.5g}") for weight in weights), float(f"{bias:.5g}")


def direction(embeddings: NDArray[np.float32]) -> Floats:
    """Embeddings `[n, d]` at length 1."""
    doubles = embeddings.astype(np.float64)
    return np.asarray(doubles / np.maximum(np.linalg.norm(doubles, axis=1, keepdims=True), 1e-12))


def compare(
    learned: Outputs,
    targets: NDArray[np.int64],
    others: Outputs,
    val: Outputs,
    test: Outputs,
    refused: Outputs,
    kinds: Sequence[str],
) -> dict[str, Any]:
    """By score its AUC, and at limits that let a share of the lesions of `val` through: the share of `test` lesions let through
    and of other pictures refused, all and by kind. Scores learn from `learned`, lesions of these targets, and from `others`."""
    result = {}
    for name, score in _scores(learned, targets, others).items():
        val_scores, lesion_scores, other_scores = score(val), score(test), score(refused)
        is_real = np.arange(len(lesion_scores) + len(other_scores)) < len(lesion_scores)
        limits = {str(pass_rate): float(np.quantile(val_scores, 1 - pass_rate)) for pass_rate in PASS_RATES}
        result[name] = {
            "auc": round(metrics.auc(np.concatenate([lesion_scores, other_scores]), is_real), 4),
            "at": {pass_rate: _at_limit(limit, lesion_scores, other_scores, kinds) for pass_rate, limit in limits.items()},
        }
    return result


def _scores(learned: Outputs, targets: NDArray[np.int64], others: Outputs) -> Mapping[str, Any]:
    """Each higher for what looks more like a lesion."""
    embedding_head, direction_head = _head(learned.embedding, others.embedding), lesion_head(learned.embedding, others.embedding)
    weights = np.asarray(direction_head.weights)
    return {
        "energy": lambda outputs: _energy(outputs.logits),
        "largest logit": lambda outputs: outputs.logits.max(1).astype(np.float64),
        "Mahalanobis": _mahalanobis(learned.embedding, targets),
        "nearest neighbours": _neighbours(learned.embedding),
        "head on the embedding": lambda outputs: outputs.embedding @ embedding_head[0] + embedding_head[1],
        "head on its direction": lambda outputs: direction(outputs.embedding) @ weights + direction_head.bias,
    }


def _head(lesions: NDArray[np.float32], others: NDArray[np.float32]) -> tuple[Floats, float]:
    truths = np.repeat([1.0, 0.0], [len(lesions), len(others)])
    return logistic(np.vstack([lesions, others]).astype(np.float64), truths, RIDGE, is_balanced=True)


def _energy(logits: NDArray[np.float32]) -> Floats:
    largest = logits.max(1, keepdims=True).astype(np.float64)
    return np.asarray((largest + np.log(np.exp(logits - largest).sum(1, keepdims=True)))[:, 0])


def _mahalanobis(embeddings: NDArray[np.float32], targets: NDArray[np.int64]) -> Any:
    """Less the squared distance to the nearest lesion's mean, under the covariance that all lesions share."""
    wide = embeddings.astype(np.float64)
    means = {code: wide[targets == index].mean(0) for index, code in enumerate(CODES) if (targets == index).any()}
    deviations = wide - np.stack([means[CODES[target]] for target in targets])
    covariance = deviations.T @ deviations / len(deviations)
    inverse = np.linalg.inv(covariance + np.eye(len(covariance)) * (np.trace(covariance) / len(covariance) * SHRINKAGE))

    def score(outputs: Outputs) -> Floats:
        distances = [((outputs.embedding - mean) @ inverse * (outputs.embedding - mean)).sum(1) for mean in means.values()]
        return np.asarray(-np.min(distances, axis=0))

    return score


def _neighbours(embeddings: NDArray[np.float32]) -> Any:
    """The cosine to the tenth nearest of the photos learned from."""
    known_directions = direction(embeddings)

    def score(outputs: Outputs) -> Floats:
        similarity = direction(outputs.embedding) @ known_directions.T
        return np.asarray(np.sort(similarity, axis=1)[:, -min(NEIGHBOURS, len(known_directions))])

    return score


def _at_limit(limit: float, lesion_scores: Floats, other_scores: Floats, kinds: Sequence[str]) -> dict[str, Any]:
    is_refused, names = other_scores < limit, np.array(kinds)
    by_kind = {str(kind): round(float(is_refused[names == kind].mean()), 4) for kind in np.unique(names)}
    return {
        "lesions_let_through": round(float((lesion_scores >= limit).mean()), 4),
        "others_refused": round(float(is_refused.mean()), 4),
        "by_kind": by_kind,
    }
