"""Holds a quantized file against FP32 on the photos to choose by, and refuses it where it lost too much."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skinapp.errors import SkinAppError
from skinapp.labels import Priority
from train.evaluate import metrics
from train.evaluate.run import Evaluation


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

    def report(self) -> dict[str, Any]:
        """What metrics.json holds of it."""
        losses = {figure: round(value, 4) for figure, value in asdict(self).items()}
        return {"agrees_with_fp32": round(1 - self.named_otherwise, 4), "lost_against_fp32": losses}


LIMITS = Loss(balanced_accuracy=0.01, melanoma_sensitivity=0.01, named_otherwise=0.03, urgent_to_low=0.005, maps_apart=0.1)


def loss(exact: Evaluation, quantized: Evaluation) -> Loss:
    """What `quantized` loses against `exact`, both of the same photos."""
    before, after = exact.answers, quantized.answers
    pairs = list(zip(exact.assessments, quantized.assessments, strict=True))
    fell_to_low = [first.focus.priority is Priority.URGENT and second.focus.priority is Priority.LOW for first, second in pairs]
    return Loss(
        balanced_accuracy=metrics.balanced_accuracy(before.probabilities, before.truths)
        - metrics.balanced_accuracy(after.probabilities, after.truths),
        melanoma_sensitivity=_sensitivity(before) - _sensitivity(after),
        named_otherwise=float((before.predicted != after.predicted).mean()),
        urgent_to_low=float(np.mean(fell_to_low)),
        maps_apart=1 - float(np.mean([_correlation(first.evidence.cams, second.evidence.cams) for first, second in pairs])),
    )


def check(name: str, losses: Loss) -> None:
    """Refuse a file that lost more than a limit, naming the figure."""
    allowed = asdict(LIMITS)
    broken = [
        f"{figure} {value:.4f} (at most {allowed[figure]})" for figure, value in asdict(losses).items() if value > allowed[figure]
    ]
    if broken:
        raise GateError(
            f"{name} loses too much against FP32 on val: {', '.join(broken)}; "
            "change the quantization in export/quantization/quantize.py."
        )


def _sensitivity(answers: metrics.Answers) -> float:
    is_flagged = answers.probabilities[:, metrics.MELANOMA] >= answers.melanoma_threshold
    is_melanoma = answers.truths == metrics.MELANOMA
    return float(is_flagged[is_melanoma].mean()) if is_melanoma.any() else 0.0


def _correlation(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """The mean, over the lesions of maps `[7, h, w]`, of two maps' correlation; a map without structure counts as alike."""
    a, b = (maps.reshape(len(maps), -1).astype(np.float64) for maps in (first, second))
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    size = np.sqrt((a * a).sum(1) * (b * b).sum(1))
    return float(np.where(size > 0, (a * b).sum(1) / np.maximum(size, 1e-12), 1).mean())
