"""May this photo be answered at all? Figures of what the network sees, held against limits that were measured on real photos."""

from dataclasses import asdict, dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from skinapp.image import Photo
from skinapp.spec import LesionHead, QualityLimits

WHITE = 250


class Issue(StrEnum):
    """What keeps a photo from being answered; wording.py says what to do about each."""

    SMALL = "small"
    BLURRED = "blurred"
    DARK = "dark"
    BRIGHT = "bright"
    FLAT = "flat"
    GLARE = "glare"
    NO_LESION = "no_lesion"


@dataclass(frozen=True)
class Figures:
    """`short_side` in pixels of the photo; of the network's view: `sharpness` (variance of its Laplacian, grey levels squared),
    `brightness` (mean grey level), `contrast` (grey levels between its 5th and 95th percentile), `glare` (share of burnt-out
    pixels); of its embedding: `lesion_evidence` (log-odds that it shows a lesion at all)."""

    short_side: int
    sharpness: float
    brightness: float
    contrast: float
    glare: float
    lesion_evidence: float


@dataclass(frozen=True)
class Report:
    """The figures and the issues found, none for a photo that may be answered."""

    figures: Figures
    issues: tuple[Issue, ...]

    @property
    def ok(self) -> bool:
        return not self.issues

    def to_dict(self) -> dict[str, object]:
        return {"ok": self.ok, "issues": [issue.value for issue in self.issues], **asdict(self.figures)}


def inspect(photo: Photo, view: Photo, embedding: NDArray[np.float32], head: LesionHead, limits: QualityLimits) -> Report:
    """Measure a photo, the network's view of it and its embedding `[d]` against the model's limits."""
    figures = measure(photo, view, embedding, head)
    checks = (
        (Issue.SMALL, figures.short_side < limits.min_short_side),
        (Issue.DARK, figures.brightness < limits.min_brightness),
        (Issue.BRIGHT, figures.brightness > limits.max_brightness),
        (Issue.GLARE, figures.glare > limits.max_glare),
        (Issue.FLAT, figures.contrast < limits.min_contrast),
        (Issue.BLURRED, figures.sharpness < limits.min_sharpness),
        (Issue.NO_LESION, figures.lesion_evidence < limits.min_lesion_evidence),
    )
    return Report(figures, tuple(issue for issue, found in checks if found))


def measure(photo: Photo, view: Photo, embedding: NDArray[np.float32], head: LesionHead) -> Figures:
    """The figures of a photo, of the network's view of it, and of its embedding `[d]`."""
    grey = cv2.cvtColor(view, cv2.COLOR_RGB2GRAY)
    dark, light = np.percentile(grey, (5, 95))
    return Figures(
        short_side=min(photo.shape[:2]),
        sharpness=float(cv2.Laplacian(grey, cv2.CV_32F).var()),
        brightness=float(grey.mean()),
        contrast=float(light - dark),
        glare=cv2.countNonZero(cv2.inRange(view, (WHITE,) * 3, (255,) * 3)) / grey.size,
        lesion_evidence=float(np.dot(embedding, head.weights) + head.bias),
    )
