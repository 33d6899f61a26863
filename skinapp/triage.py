"""Logits become calibrated probabilities, and these a priority: the most severe lesion that passes its threshold."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from skinapp.labels import CODES, LESIONS, SEVERITY, Priority


def probabilities(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    """Calibrated probabilities of logits, softmax(logits / T) along the last axis."""
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def priority(chances: NDArray[np.float64], thresholds: Mapping[str, float]) -> Priority:
    """The most severe priority of a lesion whose probability reaches its threshold, else Low; likelier lesions don't matter."""
    passing = {
        lesion.priority for lesion, chance in zip(LESIONS, chances, strict=True) if chance >= thresholds.get(lesion.code, 2)
    }
    return next((level for level in SEVERITY if level in passing), Priority.LOW)


def by_code(chances: NDArray[np.float64]) -> dict[str, float]:
    """Probabilities by lesion code."""
    return dict(zip(CODES, chances.tolist(), strict=True))
