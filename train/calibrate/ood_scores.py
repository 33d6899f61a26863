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
PASSING = (0.99, 0.985, 0.98)
"""Shares of the lesions of `val` that a limit lets through."""

Floats = NDArray[np.float64]


def lesion_head(lesions: NDArray[np.float32], others: NDArray[np.float32]) -> LesionHead:
    """What tells lesions' embeddings `[n, d]` from others' `[m, d]`."""
    return LesionHead(*told_apart(lesions, others))


def told_apart(these: NDArray[np.float32], others: NDArray[np.float32]) -> tuple[tuple[float, ...], float]:
    """Weights and bias of a ridge logistic regression on the directions of embeddings `[n, d]` and `[m, d]`."""
    features = np.vstack([direction(these), direction(others)])
    slopes, bias = logistic(features, np.repeat([1.0, 0.0], [len(these), len(others)]), RIDGE, is_balanced=True)
    return tuple(float(f"{slope:.5g}") for slope in slopes), float(f"{bias:.5g}")


def direction(embeddings: NDArray[np.float32]) -> Floats:
    """Embeddings `[n, d]` at length 1."""
    wide = embeddings.astype(np.float64)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12))


def compare(
    taught: Outputs,
    targets: NDArray[np.int64],
    others: Outputs,
    chosen: Outputs,
    tested: Outputs,
    refused: Outputs,
    kinds: Sequence[str],
) -> dict[str, Any]:
    """By score its AUC, and at limits that let a share of the lesions `chosen` through: the share of `tested` lesions let through
    and of other pictures refused, all and by kind. Scores learn from `taught` lesions of these targets and from `others`."""
    found = {}
    for name, score in _scores(taught, targets, others).items():
        by, real, false = score(chosen), score(tested), score(refused)
        is_real = np.arange(len(real) + len(false)) < len(real)
        limits = {str(passing): float(np.quantile(by, 1 - passing)) for passing in PASSING}
        found[name] = {
            "auc": round(metrics.auc(np.concatenate([real, false]), is_real), 4),
            "at": {passing: _at(limit, real, false, kinds) for passing, limit in limits.items()},
        }
    return found


def _scores(taught: Outputs, targets: NDArray[np.int64], others: Outputs) -> Mapping[str, Any]:
    """Each higher for what looks more like a lesion."""
    raw, plain = _head(taught.embedding, others.embedding), lesion_head(taught.embedding, others.embedding)
    weights = np.asarray(plain.weights)
    return {
        "energy": lambda answer: _energy(answer.logits),
        "largest logit": lambda answer: answer.logits.max(1).astype(np.float64),
        "Mahalanobis": _mahalanobis(taught.embedding, targets),
        "nearest neighbours": _neighbours(taught.embedding),
        "head on the embedding": lambda answer: answer.embedding @ raw[0] + raw[1],
        "head on its direction": lambda answer: direction(answer.embedding) @ weights + plain.bias,
    }


def _head(lesions: NDArray[np.float32], others: NDArray[np.float32]) -> tuple[Floats, float]:
    truths = np.repeat([1.0, 0.0], [len(lesions), len(others)])
    return logistic(np.vstack([lesions, others]).astype(np.float64), truths, RIDGE, is_balanced=True)


def _energy(logits: NDArray[np.float32]) -> Floats:
    most = logits.max(1, keepdims=True).astype(np.float64)
    return np.asarray((most + np.log(np.exp(logits - most).sum(1, keepdims=True)))[:, 0])


def _mahalanobis(embeddings: NDArray[np.float32], targets: NDArray[np.int64]) -> Any:
    """Less the squared distance to the nearest lesion's mean, under the covariance that all lesions share."""
    wide = embeddings.astype(np.float64)
    means = {code: wide[targets == place].mean(0) for place, code in enumerate(CODES) if (targets == place).any()}
    apart = wide - np.stack([means[CODES[target]] for target in targets])
    shared = apart.T @ apart / len(apart)
    inverse = np.linalg.inv(shared + np.eye(len(shared)) * (np.trace(shared) / len(shared) * SHRINKAGE))

    def score(answer: Outputs) -> Floats:
        far = [((answer.embedding - mean) @ inverse * (answer.embedding - mean)).sum(1) for mean in means.values()]
        return np.asarray(-np.min(far, axis=0))

    return score


def _neighbours(embeddings: NDArray[np.float32]) -> Any:
    """The cosine to the tenth nearest of the photos taught by."""
    known = direction(embeddings)

    def score(answer: Outputs) -> Floats:
        likeness = direction(answer.embedding) @ known.T
        return np.asarray(np.sort(likeness, axis=1)[:, -min(NEIGHBOURS, len(known))])

    return score


def _at(limit: float, real: Floats, false: Floats, kinds: Sequence[str]) -> dict[str, Any]:
    gone, names = false < limit, np.array(kinds)
    by_kind = {str(kind): round(float(gone[names == kind].mean()), 4) for kind in np.unique(names)}
    return {
        "lesions_let_through": round(float((real >= limit).mean()), 4),
        "others_refused": round(float(gone.mean()), 4),
        "by_kind": by_kind,
    }
