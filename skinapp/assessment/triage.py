"""Logits become calibrated probabilities, and these a priority: the most severe lesion that passes its threshold."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from skinapp.labels import CODES, LESIONS, MALIGNANT, NEAR, SEVERITY, Lesion, Priority

MELANOMA = CODES.index("mel")
NEARLY = replace(LESIONS[MELANOMA], priority=Priority.MEDIUM)
"""A melanoma between that threshold and its own: a rounding, or a little less light, would have made it Urgent."""


def probabilities(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    """Calibrated probabilities of logits, softmax(logits / T) along the last axis."""
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def deciding(chances: NDArray[np.float64], thresholds: Mapping[str, float]) -> Lesion:
    """The lesion that decides the priority: of those that reach their thresholds the most severe, and of these the likeliest;
    where none does, melanoma if it comes near, which is Medium then, else the likeliest that is Low. A likelier lesion never
    hides a more severe one."""
    known = dict(zip(LESIONS, chances.tolist(), strict=True))
    passing = [lesion for lesion in LESIONS if lesion.code in thresholds and known[lesion] >= thresholds[lesion.code]]
    if not passing and chances[MELANOMA] >= thresholds[NEAR]:
        return NEARLY
    passing = passing or [lesion for lesion in LESIONS if lesion.priority is Priority.LOW]
    return min(passing, key=lambda lesion: (SEVERITY.index(lesion.priority), -known[lesion]))


def by_code(chances: NDArray[np.float64]) -> dict[str, float]:
    """Probabilities by lesion code."""
    return dict(zip(CODES, chances.tolist(), strict=True))


def malignant(chances: NDArray[np.float64]) -> float:
    """The probability of the malignant lesions taken together."""
    return float(sum(chances[CODES.index(code)] for code in MALIGNANT))
