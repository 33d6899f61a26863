"""Which pixels of a photo are the lesion: those that differ most from the skin at the photo's edge. Classical, and so without
weights; finds nothing where nothing stands out."""

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from skinapp.imaging.decode import Photo

Mask: TypeAlias = NDArray[np.bool_]
"""`[height, width]`, true where the lesion is."""

SIDE = 256
"""Pixels of the longer side that the search works on."""
BORDER = 0.08
"""The rim that counts as skin, as a share of the shorter side."""
HAIR = 9
"""Pixels, wider than a hair on the working size."""
MIN_SHARE, MAX_SHARE = 0.004, 0.85
"""Of the photo that a lesion can cover."""
MIN_CONTRAST = 6.0
"""By which a lesion differs from the skin, in CIELAB's units: about twice what an eye can tell side by side."""


def outline(photo: Photo, level: float = 1.0) -> Mask | None:
    """The lesion of a photo, at the photo's size, or nothing where none stands out. `level` shifts the limit between skin and
    lesion: below 1 more counts as lesion."""
    scale = min(1.0, SIDE / max(photo.shape[:2]))
    small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else photo
    distance = _distance(_without_hairs(np.asarray(small, np.uint8)))
    limit, _ = cv2.threshold(np.clip(distance * 2, 0, 255).astype(np.uint8), 0, 255, cv2.THRESH_OTSU)
    mask = _best_area(distance > limit / 2 * level)
    if mask is None or not _stands_out(mask, distance):
        return None
    smooth = cv2.resize(mask.astype(np.float32), (photo.shape[1], photo.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(smooth >= 0.5)


def _without_hairs(photo: Photo) -> Photo:
    """Without hairs: where something thin and dark lies, its surroundings."""
    closed = cv2.morphologyEx(photo, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (HAIR, HAIR)))
    thin = (closed.astype(np.int16) - photo).max(axis=2, keepdims=True) > 25
    return np.asarray(np.where(thin, closed, photo), np.uint8)


def _distance(photo: Photo) -> NDArray[np.float32]:
    """How far each pixel's colour lies from that of the skin at the edge, in CIELAB's units."""
    lab = cv2.cvtColor(photo.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lab = cv2.GaussianBlur(lab, (0, 0), max(photo.shape[:2]) / 100)
    rim = max(2, round(min(photo.shape[:2]) * BORDER))
    edge = np.ones(photo.shape[:2], bool)
    edge[rim:-rim, rim:-rim] = False
    lit = edge & (lab[..., 0] > 15)  # a dermatoscope's photos are black in the corners
    skin = np.median(lab[lit if lit.any() else edge], axis=0)
    distance = np.linalg.norm(lab - skin, axis=2)
    distance[(lab[..., 0] <= 15) & _corners(photo.shape[0], photo.shape[1])] = 0
    return np.asarray(distance, np.float32)


def _corners(height: int, width: int) -> Mask:
    """What lies outside the circle that a dermatoscope sees."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return np.asarray(x**2 + y**2 > 0.9)


def _best_area(candidates: Mask) -> Mask | None:
    """The one connected area that is large and near the middle, without holes."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    opened = cv2.morphologyEx(candidates.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    count, labels, stats, centres = cv2.connectedComponentsWithStats(opened)
    height, width = candidates.shape
    best, best_score = 0, 0.0
    for label in range(1, count):
        distance = np.hypot(centres[label][0] / width - 0.5, centres[label][1] / height - 0.5)
        score = float(stats[label, cv2.CC_STAT_AREA]) * float(np.exp(-((distance / 0.28) ** 2)))
        if score > best_score:
            best, best_score = label, score
    if not best:
        return None
    filled = np.zeros(candidates.shape, np.uint8)
    contours, _ = cv2.findContours((labels == best).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(filled, contours, -1, 1, cv2.FILLED)
    return filled.astype(bool)


def _stands_out(mask: Mask, distance: NDArray[np.float32]) -> bool:
    share = float(mask.mean())
    if not MIN_SHARE <= share <= MAX_SHARE:
        return False
    return float(distance[mask].mean() - np.median(distance[~mask])) >= MIN_CONTRAST
