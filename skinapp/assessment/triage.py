"""Logits become calibrated probabilities, and these a priority: the most severe lesion that passes its threshold."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skinapp.labels import CODES, LESIONS, MALIGNANT, NEAR, SEVERITY, TOGETHER, Lesion, Priority

MELANOMA = CODES.index("mel")
NEARLY = replace(LESIONS[MELANOMA], priority=Priority.MEDIUM)
"""A melanoma between that threshold and its own: a rounding, or a little less light, would have made it Urgent."""
TOGETHER_MEDIUM = {code: replace(LESIONS[CODES.index(code)], priority=Priority.MEDIUM) for code in MALIGNANT}
"""The malignant lesions where none reaches its own threshold and all together reach theirs."""


@dataclass(frozen=True)
class Reason:
    """Which threshold was reached, `code` being that of a lesion, NEAR or TOGETHER, and by what probability."""

    code: str
    probability: float
    threshold: float


def probabilities(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    """Calibrated probabilities of logits, softmax(logits / T) along the last axis."""
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def deciding_lesion(chances: NDArray[np.float64], thresholds: Mapping[str, float]) -> Lesion:
    """The lesion that decides the priority: of those that reach their thresholds the most severe, and of these the likeliest;
    where none does, melanoma if it comes near, or the likeliest malignant one if all of them together reach their threshold,
    which is Medium then; else the likeliest that is Low. A likelier lesion never hides a more severe one."""
    probability_of = dict(zip(LESIONS, chances.tolist(), strict=True))
    passing = [lesion for lesion in LESIONS if lesion.code in thresholds and probability_of[lesion] >= thresholds[lesion.code]]
    if not passing and chances[MELANOMA] >= thresholds[NEAR]:
        return NEARLY
    if not passing and malignant(chances) >= thresholds.get(TOGETHER, 1.0):
        return TOGETHER_MEDIUM[max(MALIGNANT, key=lambda code: chances[CODES.index(code)])]
    passing = passing or [lesion for lesion in LESIONS if lesion.priority is Priority.LOW]
    return min(passing, key=lambda lesion: (SEVERITY.index(lesion.priority), -probability_of[lesion]))


def reason(chances: NDArray[np.float64], thresholds: Mapping[str, float]) -> Reason | None:
    """The threshold that makes the priority what it is; None where none is reached, which is Low."""
    lesion = deciding_lesion(chances, thresholds)
    if lesion is NEARLY:
        return Reason(NEAR, float(chances[MELANOMA]), thresholds[NEAR])
    if lesion in TOGETHER_MEDIUM.values() and chances[CODES.index(lesion.code)] < thresholds[lesion.code]:
        return Reason(TOGETHER, malignant(chances), thresholds[TOGETHER])
    if lesion.code not in thresholds:
        return None
    return Reason(lesion.code, float(chances[CODES.index(lesion.code)]), thresholds[lesion.code])


def by_code(chances: NDArray[np.float64]) -> dict[str, float]:
    """Probabilities by lesion code."""
    return dict(zip(CODES, chances.tolist(), strict=True))


def malignant(chances: NDArray[np.float64]) -> float:
    """The probability of the malignant lesions taken together."""
    return float(sum(chances[CODES.index(code)] for code in MALIGNANT))
