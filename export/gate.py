"""Holds a quantized file against FP32 on the photos to choose by, and refuses it where it lost too much."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from skinapp import triage
from skinapp.errors import SkinAppError
from skinapp.labels import Priority
from skinapp.session import Answer
from train import metrics


class GateError(SkinAppError):
    """A quantized file that is too far from the weights it was made of."""


@dataclass(frozen=True)
class Loss:
    """What a quantized file loses against FP32, as shares of 1; all photos count, also those that would be sent back."""

    balanced_accuracy: float
    melanoma_sensitivity: float
    named_otherwise: float
    """Photos with another likeliest lesion."""

    urgent_to_low: float
    """Photos that FP32 calls Urgent and the file Low."""

    maps_apart: float
    """1 - the mean correlation of all lesions' class maps."""


LIMITS = Loss(balanced_accuracy=0.01, melanoma_sensitivity=0.01, named_otherwise=0.03, urgent_to_low=0.005, maps_apart=0.1)


def loss(
    exact: Answer, quantized: Answer, truths: NDArray[np.int64], temperature: float, thresholds: Mapping[str, float]
) -> Loss:
    """What `quantized` loses against `exact`, both answers to the same photos, under one temperature and set of thresholds."""
    before, after = (triage.probabilities(answer.logits, temperature) for answer in (exact, quantized))
    urgent = np.array([triage.deciding(chances, thresholds).priority is Priority.URGENT for chances in before])
    low = np.array([triage.deciding(chances, thresholds).priority is Priority.LOW for chances in after])
    found = [_sensitivity(chances, truths, thresholds["mel"]) for chances in (before, after)]
    return Loss(
        balanced_accuracy=metrics.balanced_accuracy(before, truths) - metrics.balanced_accuracy(after, truths),
        melanoma_sensitivity=found[0] - found[1],
        named_otherwise=float((before.argmax(1) != after.argmax(1)).mean()),
        urgent_to_low=float((urgent & low).mean()),
        maps_apart=1 - _correlation(exact.cams, quantized.cams),
    )


def check(name: str, lost: Loss) -> None:
    """Refuse a file that lost more than a limit, naming the figure."""
    allowed = asdict(LIMITS)
    broken = [
        f"{figure} {value:.4f} (at most {allowed[figure]})" for figure, value in asdict(lost).items() if value > allowed[figure]
    ]
    if broken:
        raise GateError(
            f"{name} loses too much against FP32 on val: {', '.join(broken)}; change the quantization in export/quantize.py."
        )


def _sensitivity(chances: metrics.Floats, truths: NDArray[np.int64], threshold: float) -> float:
    own = chances[truths == metrics.MELANOMA, metrics.MELANOMA]
    return float((own >= threshold).mean()) if len(own) else 0.0


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """The mean, over photos and lesions `[n, 7, h, w]`, of two maps' correlation; a map without structure counts as alike."""
    a, b = (maps.reshape(-1, maps.shape[2] * maps.shape[3]).astype(np.float64) for maps in (one, other))
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    size = np.sqrt((a * a).sum(1) * (b * b).sum(1))
    return float(np.where(size > 0, (a * b).sum(1) / np.maximum(size, 1e-12), 1).mean())
