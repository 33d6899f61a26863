"""Where in the photo does the lesion lie? Finds it from colour and class maps, and says how it should be framed.

Only ever warns: a lesion badly framed is answered all the same. Knows nothing of priorities.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from skinapp.imaging.decode import Photo
from skinapp.imaging.looks import interpolation_weights
from skinapp.imaging.preprocess import Box
from skinapp.model.spec import FrameHead

SIDE = 56
"""Cells of the grid along a photo's short side."""
PIXELS_PER_CELL = 4
"""Pixels of a photo's side that are read for each cell."""
EDGE = 6
"""Cells from the edge in which skin is looked for."""
MAX_SHADE = 0.25
"""Darker than this share of white is no skin but the dermatoscope's rim."""
EVIDENCE_SCALE = 20.0
"""Evidence that counts as 1, so that the weights of all features are of one size."""
NOISE = 0.03
"""Difference from skin that noise reaches."""
MAX_LOG_ODDS = 30
"""Log-odds beyond which nothing gets surer: the exponential of more than 88 is no number."""

FAR = 0.2
"""A lesion that is narrower and lower than this share of the short side is too far away."""
ASIDE = 0.25
"""How far off the middle, in short sides, a lesion may lie."""
CROP = 2.0
"""Sides of the offered crop in longer sides of the lesion: as wide as the middle one of the photos trained on."""
SIZES = 16
"""Sizes of photos whose grids are kept: a camera's are all alike."""

Grid = NDArray[np.float32]


class FramingFlaw(StrEnum):
    """How a lesion is badly framed; the sentences of `warnings` say what to do about each."""

    ABSENT = "absent"
    CUT_OFF = "cut_off"
    FAR = "far"
    ASIDE = "aside"


@dataclass(frozen=True)
class Framing:
    """The lesion's box in the photo's pixels, None where none was found or the model finds none; and what is wrong with it."""

    box: Box | None
    flaws: tuple[FramingFlaw, ...]


def find_framing(photo: Photo, cams: NDArray[np.float32], view_box: Box, head: FrameHead, colours: Grid | None = None) -> Framing:
    """The lesion of a photo, from its class maps `[7, h, w]` of the part that the network saw; `colours` are `colour_features`,
    where they are known already."""
    if not head.weights:
        return Framing(None, ())
    box = find_box(photo, cams, view_box, head, colours)
    return Framing(box, find_flaws(box, photo.shape[1], photo.shape[0]))


def find_box(photo: Photo, cams: NDArray[np.float32], view_box: Box, head: FrameHead, colours: Grid | None = None) -> Box | None:
    """The box of what most likely is the lesion, or None."""
    log_odds = np.tensordot(head.vector, features(photo, cams, view_box, colours), 1) + np.float32(head.bias)
    probability = cv2.GaussianBlur(1 / (1 + np.exp(-np.clip(log_odds, -MAX_LOG_ODDS, MAX_LOG_ODDS))), (0, 0), 1.0)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats((probability >= 0.5).astype(np.uint8))
    if count < 2:
        return None
    weights = np.bincount(labels.ravel(), probability.ravel())
    left, top, width, height = boxes[1 + int(weights[1:].argmax())][:4].tolist()
    x_scale, y_scale = photo.shape[1] / probability.shape[1], photo.shape[0] / probability.shape[0]
    return Box(round(left * x_scale), round(top * y_scale), round((left + width) * x_scale), round((top + height) * y_scale))


def find_flaws(box: Box | None, width: int, height: int) -> tuple[FramingFlaw, ...]:
    """What is wrong with a lesion's place in a photo of this size."""
    if box is None:
        return (FramingFlaw.ABSENT,)
    side = min(width, height)
    edges = (box.left <= 0, box.top <= 0, box.right >= width, box.bottom >= height)
    longer = max(box.right - box.left, box.bottom - box.top)
    offset = max(abs(box.left + box.right - width), abs(box.top + box.bottom - height)) / 2
    checks = (
        (FramingFlaw.CUT_OFF, any(edges)),
        (FramingFlaw.FAR, longer < FAR * side),
        (FramingFlaw.ASIDE, not any(edges) and offset > ASIDE * side),
    )
    return tuple(flaw for flaw, applies in checks if applies)


def crop(box: Box, width: int, height: int) -> Box:
    """The square that shows the lesion in its middle with skin around it, moved into a photo of this size and no larger."""
    side = min(round(CROP * max(box.right - box.left, box.bottom - box.top)), width, height)
    left = min(max((box.left + box.right - side) // 2, 0), width - side)
    top = min(max((box.top + box.bottom - side) // 2, 0), height - side)
    return Box(left, top, left + side, top + side)


def features(photo: Photo, cams: NDArray[np.float32], view_box: Box, colours: Grid | None = None) -> Grid:
    """The features of each cell `[21, rows, columns]`: the colours', and the evidence for the seven lesions."""
    colours = colour_features(photo) if colours is None else colours
    evidence = _spread(cams, view_box, photo.shape[:2], colours.shape[1:]) / EVIDENCE_SCALE
    return np.concatenate((colours, evidence))


def colour_features(photo: Photo) -> Grid:
    """The features `[14, rows, columns]` that the network isn't needed for: difference from the skin's colour, plain, smoothed
    and without sign, how large it is, also against the photo's largest, and the distance from the middle."""
    small = _shrink(photo)
    colours = np.asarray(small, np.float32) / np.float32(255)
    difference = colours - _skin(colours)
    smooth = cv2.GaussianBlur(difference, (0, 0), 2.5)
    distance = np.sqrt(cv2.transform(smooth**2, np.ones((1, 3), np.float32)))
    share = distance / (np.percentile(distance, 95) + NOISE)
    middle = _distance_from_middle(*small.shape[:2])
    colour_planes = (plane for grid in (difference, smooth, np.abs(smooth)) for plane in cv2.split(grid))
    return np.asarray(np.stack((*colour_planes, distance, share, share**2, middle, np.sqrt(middle))), np.float32)


def _shrink(photo: Photo) -> Photo:
    """The photo with a pixel a cell, each the mean of a few: all smoothing comes later, and reading every pixel takes long."""
    height, width = photo.shape[:2]
    scale = SIDE / min(height, width)
    columns, rows = round(width * scale), round(height * scale)
    thin = cv2.resize(photo, (PIXELS_PER_CELL * columns, PIXELS_PER_CELL * rows), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.resize(thin, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8)


def _skin(colours: Grid) -> Grid:
    """The middle colour of the photo's edge, where it isn't in the dermatoscope's shade."""
    sides = colours[:EDGE], colours[-EDGE:], colours[EDGE:-EDGE, :EDGE], colours[EDGE:-EDGE, -EDGE:]
    ring = np.concatenate([side.reshape(-1, 3) for side in sides])
    lit = ring[ring.max(1) > MAX_SHADE]
    return np.asarray(np.median(lit if len(lit) else colours.reshape(-1, 3), axis=0), np.float32)


@lru_cache(SIZES)
def _distance_from_middle(rows: int, columns: int) -> Grid:
    """The squared distance from the photo's middle, in short sides."""
    down, across = (np.arange(count) - (count - 1) / 2 for count in (rows, columns))
    return np.asarray((down[:, None] ** 2 + across[None] ** 2) / min(rows, columns) ** 2, np.float32)


def _spread(cams: NDArray[np.float32], view_box: Box, size: tuple[int, ...], grid: tuple[int, ...]) -> Grid:
    """The class maps laid over the photo's cells `[7, rows, columns]`; beyond what the network saw, those of its edge."""
    (height, width), (rows, columns) = size, grid
    by_row = _weights(rows, height, view_box.top, view_box.bottom, cams.shape[1])
    by_column = _weights(columns, width, view_box.left, view_box.right, cams.shape[2])
    return np.asarray(by_row.T @ cams @ by_column, np.float32)


@lru_cache(SIZES)
def _weights(cells: int, length: int, low: int, high: int, map_cells: int) -> Grid:
    """How much each cell of a side gets of each of a map's, which lie from low to high on its pixels."""
    share = ((np.arange(cells) + 0.5) * length / cells - low) / (high - low)
    return interpolation_weights(share * map_cells - 0.5, map_cells)
