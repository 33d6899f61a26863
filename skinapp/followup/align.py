"""Brings two photos of one lesion into one frame: shift, turn and scale, from what the skin around it and the lesion show.

A lesion that grew would hide its growth if it set the scale itself, so that the skin's features are asked first, and an alignment
says whether they were enough.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from skinapp.imaging.decode import Photo
from skinapp.imaging.outline import Mask

Points = NDArray[np.complex128]
"""Points in a photo, `x + iy`: a turn with a scale is a product, and a shift a sum."""

FEATURES = 1500
RATIO = 0.82
"""Of the distances to the nearest and to the second nearest feature, above which a match is a guess."""
NEAR = 3.0
"""Pixels within which a match agrees with the others."""
MIN_MATCHES = 12
"""Agreeing matches: with fewer, photos of two lesions might be laid on each other (python -m benchmarks.followup_pairs)."""
MIN_SPREAD = 0.12
"""How far apart they must lie, as a share of the photo: a cluster fixes no scale."""
MIN_SCALE, MAX_SCALE = 1 / 3, 3.0
MIN_OVERLAP = 0.3
"""Of the two outlines, laid on each other: else one of the two lesions is another one."""
TRIES = 5000


@dataclass(frozen=True)
class Alignment:
    """Where a point of the later photo lies in the earlier one: `turn * point + shift`. `by_skin` where the skin around the
    lesion fixes the scale, so that sizes may be compared. `later` and `earlier` are the points that agree."""

    turn: complex
    shift: complex
    by_skin: bool
    later: Points
    earlier: Points

    @property
    def scale(self) -> float:
        """Pixels of the earlier photo that one pixel of the later one covers."""
        return abs(self.turn)

    @property
    def degrees(self) -> float:
        """By how much the later photo must be turned, clockwise as seen."""
        return float(np.degrees(np.angle(self.turn)))

    @property
    def matrix(self) -> NDArray[np.float64]:
        """The same for OpenCV, `[2, 3]`."""
        turn, shift = self.turn, self.shift
        return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])

    def scales(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """The scale as so many resamples of the agreeing points have it: how well it is known."""
        picks = rng.integers(0, len(self.later), (count, len(self.later)))
        return np.array([abs(_fit(self.later[pick], self.earlier[pick])[0]) for pick in picks])


def align(earlier: Photo, later: Photo, masks: tuple[Mask, Mask]) -> Alignment | None:
    """The later photo laid on the earlier one, or nothing where that can't be done plausibly."""
    dilated = tuple(_dilate(mask) for mask in masks)
    features = [_features(photo) for photo in (earlier, later)]
    matches = _match_features(features[0], features[1])
    for by_skin in (True, False):
        outside_lesion = [
            (a, b) for a, b in matches if not by_skin or not (_is_inside(dilated[0], a) or _is_inside(dilated[1], b))
        ]
        alignment = _agree(outside_lesion, by_skin)
        if alignment is not None and _is_plausible(alignment, masks, earlier.shape[:2]):
            return alignment
    return None


def warp(later: Photo, alignment: Alignment, shape: tuple[int, ...], fill: tuple[float, ...]) -> Photo:
    """The later photo as it lies on the earlier one, whose shape is given."""
    size = (shape[1], shape[0])
    return np.asarray(cv2.warpAffine(later, alignment.matrix, size, flags=cv2.INTER_AREA, borderValue=fill), np.uint8)


def _features(photo: Photo) -> tuple[Points, NDArray[np.float32]]:
    """What can be found again under another light, turn and scale: points, and a descriptor of each."""
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    even = cv2.createCLAHE(3.0, (8, 8)).apply(grey)
    keypoints, descriptors = cv2.SIFT.create(FEATURES, contrastThreshold=0.02).detectAndCompute(even, None)
    if descriptors is None:
        return np.zeros(0, np.complex128), np.zeros((0, 128), np.float32)
    roots = np.sqrt(descriptors / np.maximum(1e-9, descriptors.sum(axis=1, keepdims=True)))
    return np.array([complex(*key.pt) for key in keypoints]), np.asarray(roots, np.float32)


def _match_features(
    earlier: tuple[Points, NDArray[np.float32]], later: tuple[Points, NDArray[np.float32]]
) -> list[tuple[complex, complex]]:
    """Pairs of points that look alike, each the other's only likeness."""
    if min(len(earlier[0]), len(later[0])) < 2:
        return []
    matcher = cv2.BFMatcher(cv2.NORM_L2)
    nearest_earlier = {match.queryIdx: match.trainIdx for match, *_ in matcher.knnMatch(later[1], earlier[1], k=1)}
    pairs = matcher.knnMatch(earlier[1], later[1], k=2)
    certain = (
        best
        for best, second in pairs
        if best.distance < RATIO * second.distance and nearest_earlier[best.trainIdx] == best.queryIdx
    )
    return [(complex(earlier[0][match.queryIdx]), complex(later[0][match.trainIdx])) for match in certain]


def _agree(matches: list[tuple[complex, complex]], by_skin: bool) -> Alignment | None:
    """The turn, scale and shift that most matches agree on."""
    if len(matches) < MIN_MATCHES:
        return None
    earlier, later = (np.array(points) for points in zip(*matches, strict=True))
    _, inside = cv2.estimateAffinePartial2D(
        _to_xy(later), _to_xy(earlier), method=cv2.RANSAC, ransacReprojThreshold=NEAR, maxIters=TRIES, confidence=0.999
    )
    if inside is None:
        return None
    agreeing = inside.ravel().astype(bool)
    later, earlier = later[agreeing], earlier[agreeing]
    if len(later) < MIN_MATCHES:
        return None
    turn, shift = _fit(later, earlier)
    return Alignment(turn, shift, by_skin, later, earlier)


def _fit(later: Points, earlier: Points) -> tuple[complex, complex]:
    """The least squares turn (with scale) and shift from points to points."""
    centred_later, centred_earlier = later - later.mean(), earlier - earlier.mean()
    turn = complex(np.vdot(centred_later, centred_earlier) / max(1e-9, np.vdot(centred_later, centred_later).real))
    return turn, complex(earlier.mean() - turn * later.mean())


def _is_plausible(alignment: Alignment, masks: tuple[Mask, Mask], shape: tuple[int, ...]) -> bool:
    spread = float(np.sqrt((np.abs(alignment.earlier - alignment.earlier.mean()) ** 2).mean())) / max(shape)
    if not MIN_SCALE <= alignment.scale <= MAX_SCALE or spread < MIN_SPREAD:
        return False
    size = (shape[1], shape[0])
    later = cv2.warpAffine(masks[1].astype(np.uint8), alignment.matrix, size, flags=cv2.INTER_NEAREST) > 0
    return float((masks[0] & later).sum()) >= MIN_OVERLAP * float((masks[0] | later).sum())


def _dilate(mask: Mask) -> Mask:
    """The lesion with its edge: features there move when it grows."""
    side = 2 * (max(mask.shape) // 40) + 1
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0)


def _is_inside(mask: Mask, point: complex) -> bool:
    row, column = min(mask.shape[0] - 1, int(point.imag)), min(mask.shape[1] - 1, int(point.real))
    return bool(mask[row, column])


def _to_xy(points: Points) -> NDArray[np.float64]:
    return np.stack([points.real, points.imag], axis=1)
