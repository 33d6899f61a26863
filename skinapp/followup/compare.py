"""Two photos of one lesion, measured against each other, with how far each figure can be trusted. Says what was measured and
never what it means: whether a lesion changed is a doctor's to judge."""

from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from skinapp.followup import align
from skinapp.followup.align import Alignment, Points
from skinapp.imaging import outline
from skinapp.imaging.decode import Photo
from skinapp.imaging.outline import Mask

SIDE = 640
"""Pixels of the longer side that is measured and shown."""
REPEATS = 18
"""Times that everything is measured anew, each time disturbed a little, at half that size."""
LIMIT_SPREAD = 0.1
"""By which the limit between skin and lesion is moved, as one standard deviation."""
NOISE, BLUR, TURN_SPREAD = 3.0, 1.2, 0.1
"""By which the photos are disturbed: grey levels, pixels, and the standard deviation of a turn (radians) and of the size."""
LOW, HIGH = 5, 95
"""Percentiles between which nine of ten repeats lie."""
AXES = 36
SHAPE_SIDE = 96
GAP, WIDTH = 0.08, 0.25
"""Of the ring of skin around a lesion, in square roots of its area."""

SIZES = ("area", "diameter")
"""Figures that need a common scale."""
RATIOS = (*SIZES, "irregularity", "colours", "contrast")
"""Figures whose change is a ratio; that of the others is a difference."""


NOWHERE: Points = np.zeros(0, np.complex128)


@dataclass(frozen=True)
class Change:
    """One figure of both photos: `earlier` and `later` themselves, and the change with the interval in which nine of ten repeats
    lie. Sizes are given in the earlier photo's own: `earlier` is 1."""

    figure: str
    earlier: float
    later: float
    change: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """Both photos in one frame and under one light (each in its own frame where `alignment` is nothing), and what was measured:
    nothing where a photo shows no lesion, and no sizes where the photos have no common scale. The outlines of the lesions are
    points on their photos as shown, `x + iy`, none where no lesion was found."""

    earlier: Photo
    later: Photo
    alignment: Alignment | None
    changes: tuple[Change, ...]
    outlines: tuple[Points, Points]


def compare(earlier: Photo, later: Photo, seed: int = 0) -> Comparison:
    """Measure two photos of one lesion against each other."""
    photos = tuple(_shrink(photo) for photo in (earlier, later))
    masks = tuple(outline.outline(photo) for photo in photos)
    first, second = masks
    if first is None or second is None:
        edges = (_edge(mask) if mask is not None else NOWHERE for mask in masks)
        return Comparison(photos[0], photos[1], None, (), (next(edges), next(edges)))
    alignment = align.align(photos[0], photos[1], (first, second))
    matched = _match_skin_colour(photos, (first, second))
    changes = _changes(matched, alignment, np.random.default_rng(seed))
    later_aligned, edge = matched[1], _edge(second)
    if alignment is not None:
        edge = alignment.turn * edge + alignment.shift
        skin = tuple(np.median(matched[1][_ring(second)], axis=0).tolist())
        later_aligned = align.warp(matched[1], alignment, matched[0].shape, skin)
    return Comparison(matched[0], later_aligned, alignment, changes, (_edge(first), edge))


def measure(photo: Photo, mask: Mask) -> dict[str, float]:
    """The figures of a lesion on its photo. `area` and `diameter` in pixels; `asymmetry` is the share of the shape that finds no
    counterpart across its best axis; `irregularity` how much longer the edge is than a circle's around the same area (1 or more);
    `colours` how far its colours spread, and `contrast` how far they lie from the skin's, in CIELAB's units."""
    lab = cv2.cvtColor(photo.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lesion, skin = lab[mask], np.median(lab[_ring(mask)], axis=0)
    edge, area = _edge(mask), float(mask.sum())
    around = float(np.abs(edge - np.roll(edge, 1)).sum())
    return {
        "area": area,
        "diameter": float(np.abs(edge[:, None] - edge).max()) + 1,
        "asymmetry": _asymmetry(mask),
        "irregularity": float(around / np.sqrt(4 * np.pi * area)),
        "colours": float(np.sqrt(lesion.var(axis=0).sum())),
        "contrast": float(np.linalg.norm(lesion.mean(axis=0) - skin)),
    }


def _changes(photos: tuple[Photo, ...], alignment: Alignment | None, rng: np.random.Generator) -> tuple[Change, ...]:
    """Every figure of both photos, measured again and again under small disturbances."""
    repeats = [_repeat(photo, rng) for photo in photos]
    count = min(len(figures) for figures in repeats)
    if not count:
        return ()
    scales = np.ones(count) if alignment is None else alignment.scales(count, rng)
    has_scale = alignment is not None and alignment.by_skin
    names = [name for name in repeats[0][0] if has_scale or name not in SIZES]
    values = [{name: np.array([figures[name] for figures in each[:count]]) for name in names} for each in repeats]
    return tuple(_change(name, values[0][name], values[1][name], scales) for name in names)


def _change(name: str, earlier: NDArray[np.float64], later: NDArray[np.float64], scales: NDArray[np.float64]) -> Change:
    if name in SIZES:
        # Nothing but their ratio means something: a photo knows no millimetres.
        later = later * scales ** (2 if name == "area" else 1) / np.median(earlier)
        earlier = earlier / np.median(earlier)
    change = later / np.maximum(1e-9, earlier) if name in RATIOS else later - earlier
    low, middle, high = np.percentile(change, (LOW, 50, HIGH))
    return Change(name, float(np.median(earlier)), float(np.median(later)), float(middle), float(low), float(high))


def _repeat(photo: Photo, rng: np.random.Generator) -> list[dict[str, float]]:
    """The figures of one photo under small disturbances of its pixels and of the limit between skin and lesion."""
    repeats = []
    half = np.asarray(cv2.resize(photo, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
    for _ in range(REPEATS):
        size = float(np.exp(rng.normal(0, TURN_SPREAD)))
        disturbed = _disturb(half, size, rng)
        mask = outline.outline(disturbed, float(np.exp(rng.normal(0, LIMIT_SPREAD))))
        if mask is not None:
            figures = measure(disturbed, mask)
            repeats.append(figures | {"area": figures["area"] / size**2, "diameter": figures["diameter"] / size})
    return repeats


def _disturb(photo: Photo, size: float, rng: np.random.Generator) -> Photo:
    """The photo as it might have been taken a moment later: turned a little, of another size, noise, focus and brightness."""
    height, width = photo.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), np.degrees(rng.normal(0, TURN_SPREAD)), size)
    turned = cv2.warpAffine(photo, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    blurred = cv2.GaussianBlur(turned, (0, 0), rng.uniform(0.3, BLUR)).astype(np.float32)
    noisy = blurred * rng.uniform(0.97, 1.03) + NOISE * rng.standard_normal(photo.shape, np.float32)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _edge(mask: Mask) -> Points:
    """The outline as the corners of a polygon, within a pixel and a half."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    corners = cv2.approxPolyDP(max(contours, key=cv2.contourArea), 1.5, True)[:, 0].astype(np.float64)
    return np.asarray(corners[:, 0] + 1j * corners[:, 1])


def _asymmetry(mask: Mask) -> float:
    """The smallest share, over the axes through the middle, of the shape and its mirror image together that only one of them
    covers."""
    rows, columns = np.nonzero(mask)
    middle = (columns.mean(), rows.mean())
    reach = 1.05 * float(np.hypot(columns - middle[0], rows - middle[1]).max()) + 1
    turn = partial(_turn, mask.astype(np.float32), middle, SHAPE_SIDE / 2 / reach)
    shapes = (turn(180 * axis / AXES) for axis in range(AXES))
    return float(min(np.abs(turned - turned[::-1]).sum() / np.maximum(turned, turned[::-1]).sum() for turned in shapes))


def _turn(mask: NDArray[np.float32], middle: tuple[float, float], scale: float, degrees: float) -> NDArray[np.float32]:
    matrix = cv2.getRotationMatrix2D(middle, degrees, scale)
    matrix[:, 2] = matrix[:, 2] + (SHAPE_SIDE - 1) / 2 - np.array(middle)
    return np.asarray(cv2.warpAffine(mask, matrix, (SHAPE_SIDE, SHAPE_SIDE)), np.float32)


def _match_skin_colour(photos: tuple[Photo, ...], masks: tuple[Mask, Mask]) -> tuple[Photo, Photo]:
    """Both photos, their skin of one colour: half-way between the two."""
    skins = [np.median(photo[_ring(mask)].astype(np.float32), axis=0) for photo, mask in zip(photos, masks, strict=True)]
    target = (skins[0] + skins[1]) / 2
    first, second = (
        np.clip(photo * (target / np.maximum(1, skin)), 0, 255).astype(np.uint8)
        for photo, skin in zip(photos, skins, strict=True)
    )
    return first, second


def _ring(mask: Mask) -> Mask:
    """The skin around a lesion, with a gap to its edge; where it fills the photo, whatever is not lesion."""
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 3) / np.sqrt(mask.sum())
    ring = np.asarray((distance > GAP) & (distance < GAP + WIDTH))
    return ring if ring.any() else np.asarray(~mask if not mask.all() else mask)


def _shrink(photo: Photo) -> Photo:
    scale = min(1.0, SIDE / max(photo.shape[:2]))
    if scale == 1:
        return photo
    return np.asarray(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
