"""May this photo be answered at all? Figures of what the network sees, held against limits that were measured on real photos.

Beyond the hard limits a photo is sent back; beyond the soft ones alone it is answered with a warning, its priority untouched.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from skinapp.imaging.decode import Photo
from skinapp.model.spec import EmbeddingHead, LesionHead, QualityLimits, QualityThresholds

WHITE = 250
HAIR = 30
"""Grey levels by which a hair is darker than what it lies on."""
HAIR_WIDTH = 9
"""Pixels of the network's view, more than a hair is wide."""

Cells = NDArray[np.float32]
Plane = NDArray[Any]


class Issue(StrEnum):
    """What is wrong with a photo; the sentences of `issues` say what to do about each."""

    SMALL = "small"
    BLURRED = "blurred"
    SHAKEN = "shaken"
    DARK = "dark"
    BRIGHT = "bright"
    FLAT = "flat"
    GLARE = "glare"
    HAIR = "hair"
    NO_LESION = "no_lesion"


@dataclass(frozen=True)
class Figures:
    """`short_side` in pixels of the photo; of the network's view: `brightness` (mean grey level), `contrast` (grey levels between
    its 5th and 95th percentile), `glare` (share of burnt-out pixels); of the view where the evidence for the likeliest lesion
    lies: `sharpness` (mean square of its Laplacian, grey levels squared), `evenness` (from 0 to 1: how far sharpness is the same
    along and across any direction), `hair` (share of pixels that a hair covers); of the embedding: `lesion_evidence` (log-odds
    that it shows a lesion at all)."""

    short_side: int
    sharpness: float
    evenness: float
    brightness: float
    contrast: float
    glare: float
    hair: float
    lesion_evidence: float


@dataclass(frozen=True)
class QualityCheck:
    """The figures, the issues found, none for a photo that may be answered, and what it is answered in spite of."""

    figures: Figures
    issues: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.issues

    def to_dict(self) -> dict[str, object]:
        faults = {"issues": [str(issue) for issue in self.issues], "warnings": [str(warning) for warning in self.warnings]}
        return {"ok": self.ok, **faults, **asdict(self.figures)}


def judge(figures: Figures, quality: QualityThresholds, flaws: Sequence[str] = ()) -> QualityCheck:
    """The figures held against a model's limits; `flaws` found elsewhere are warned of as well."""
    issues = exceeded_limits(figures, quality.refuse)
    warnings = tuple(issue for issue in exceeded_limits(figures, quality.warn) if issue not in issues)
    return QualityCheck(figures, issues, (*warnings, *flaws))


def exceeded_limits(figures: Figures, limits: QualityLimits) -> tuple[Issue, ...]:
    """The limits that the figures don't keep to; one that is just reached is kept to."""
    checks = (
        (Issue.SMALL, figures.short_side < limits.min_short_side),
        (Issue.DARK, figures.brightness < limits.min_brightness),
        (Issue.BRIGHT, figures.brightness > limits.max_brightness),
        (Issue.GLARE, figures.glare > limits.max_glare),
        (Issue.FLAT, figures.contrast < limits.min_contrast),
        (Issue.BLURRED, figures.sharpness < limits.min_sharpness),
        (Issue.SHAKEN, figures.evenness < limits.min_evenness),
        (Issue.HAIR, figures.hair > limits.max_hair),
        (Issue.NO_LESION, figures.lesion_evidence < limits.min_lesion_evidence),
    )
    return tuple(issue for issue, is_exceeded in checks if is_exceeded)


@dataclass(frozen=True)
class Seen:
    """What is measured of the network's view alone, before the network answers: the figures that need nothing else, and of each
    pixel its Laplacian, whether a hair covers it, and how far the ends of a line through it differ from it, across, down, falling
    and rising."""

    brightness: float
    contrast: float
    glare: float
    laplacian: Plane
    hair: Plane
    lines: tuple[tuple[Plane, Plane], tuple[Plane, Plane]]


def measure(short_side: int, view: Photo, embedding: NDArray[np.float32], cam: Cells, head: LesionHead) -> Figures:
    """The figures of a photo's short side in its file, the network's view of it, its embedding `[d]` and its likeliest lesion's
    class map `[h, w]`."""
    return complete(see(view), short_side, embedding, cam, head)


def see(view: Photo) -> Seen:
    """What the figures of a view need of it."""
    grey = np.asarray(cv2.cvtColor(view, cv2.COLOR_RGB2GRAY), np.uint8)
    cumulative = cv2.calcHist([grey], [0], None, [256], [0, 256]).ravel().astype(np.int64).cumsum()
    return Seen(
        brightness=cv2.mean(grey)[0],
        contrast=_percentile(cumulative, 0.95) - _percentile(cumulative, 0.05),
        glare=cv2.countNonZero(cv2.inRange(view, (WHITE,) * 3, (255,) * 3)) / grey.size,
        laplacian=cv2.Laplacian(grey, cv2.CV_16S),
        hair=_hair(grey),
        lines=_lines(grey),
    )


def complete(seen: Seen, short_side: int, embedding: NDArray[np.float32], cam: Cells, head: LesionHead) -> Figures:
    """The figures of a view once the network has answered."""
    roots = _roots(cam, *seen.hair.shape)
    return Figures(
        short_side=short_side,
        sharpness=_mean_square(seen.laplacian, roots),
        evenness=_evenness(seen.lines, cam),
        brightness=seen.brightness,
        contrast=seen.contrast,
        glare=seen.glare,
        hair=_mean_square(seen.hair, roots),
        lesion_evidence=evidence(embedding, head),
    )


def evidence(embedding: NDArray[np.float32], head: EmbeddingHead) -> float:
    """The log-odds that a head tells of an embedding `[d]`: of its direction, because faint pictures have short embeddings."""
    length = float(np.linalg.norm(embedding))
    return float(np.dot(embedding, head.vector)) / max(length, 1e-12) + head.bias


def _percentile(cumulative: NDArray[np.int64], share: float) -> float:
    """numpy's own, of how many pixels have each grey level or less: sorting 50,000 pixels takes ten times as long."""
    last = int(cumulative[-1]) - 1
    position = share * last
    low, high = np.searchsorted(cumulative, (int(position), min(int(position) + 1, last)), side="right")
    return float(low + (high - low) * (position - int(position)))


def _lines(grey: NDArray[np.uint8]) -> tuple[tuple[Plane, Plane], tuple[Plane, Plane]]:
    """What both ends of a line of three pixels have more than twice its middle, in both pairs of crossing directions."""
    fine = grey.astype(np.int16)
    middle = 2 * fine[1:-1, 1:-1]
    across, down = fine[1:-1, :-2] + fine[1:-1, 2:], fine[:-2, 1:-1] + fine[2:, 1:-1]
    falling, rising = fine[:-2, :-2] + fine[2:, 2:], fine[:-2, 2:] + fine[2:, :-2]
    return (across - middle, down - middle), (falling - middle, rising - middle)


def _evenness(lines: tuple[tuple[Plane, Plane], tuple[Plane, Plane]], cam: Cells) -> float:
    """Shaking smooths along its direction alone: the weaker of two crossing directions against the stronger, for the pair where
    they differ most."""
    # A grey level of noise on both sides: a picture without any structure is even.
    roots = _roots(cam, *lines[0][0].shape)
    pairs = [[1 + _mean_square(differences, roots) for differences in pair] for pair in lines]
    return min(min(pair) / max(pair) for pair in pairs)


def _hair(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Where a picture is much darker than with its thin dark lines filled: 1, elsewhere 0."""
    square = np.ones((HAIR_WIDTH, HAIR_WIDTH), np.uint8)
    darker = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, square)
    return np.asarray(cv2.threshold(darker, HAIR, 1, cv2.THRESH_BINARY)[1], np.uint8)


def _roots(cam: Cells, height: int, width: int) -> Cells:
    """How much each pixel of a picture counts `[high, wide]`, together 1, as square roots: as much as the evidence of the map's
    cell above it, all pixels of a cell alike; without any evidence, all cells alike."""
    weights = np.maximum(cam, 0).astype(np.float64)
    weights = weights if weights.any() else np.ones_like(weights)
    rows, columns = (
        np.diff(np.arange(count + 1) * length // count) for length, count in zip((height, width), cam.shape, strict=True)
    )
    cell_roots = np.sqrt(weights / weights.sum() / np.outer(rows, columns))
    return np.asarray(cell_roots.astype(np.float32).repeat(rows, axis=0).repeat(columns, axis=1), np.float32)


def _mean_square(values: NDArray[Any], roots: Cells) -> float:
    return float(cv2.norm(cv2.multiply(values, roots, dtype=cv2.CV_32F), cv2.NORM_L2SQR))
