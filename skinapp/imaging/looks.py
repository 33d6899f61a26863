"""Several looks at one photo: squares along its longer side, turned and mirrored, and their class maps laid together again."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skinapp.imaging import preprocess
from skinapp.imaging.decode import Photo
from skinapp.imaging.preprocess import Box
from skinapp.model.spec import TURNS, Look, Transform

PLAIN = (Look("middle", 0),)
"""The one look that a quick answer is given from."""

Maps = NDArray[np.float32]


def views(photo: Photo, transform: Transform, looks: Sequence[Look]) -> list[Photo]:
    """What the network sees in each look, at its input size."""
    crops = dict.fromkeys(look.crop for look in looks)
    squares = dict(zip(crops, preprocess.crops(photo, transform, list(crops)), strict=True))
    return [turn_view(squares[look.crop], look.turn) for look in looks]


def turn_view(view: NDArray[np.generic], turn: int) -> Photo:
    """One of the 8 ways to lay a picture `[h, w, ...]` on the table; 0 is the picture, from 4 on it is mirrored first."""
    return np.ascontiguousarray(np.rot90(view[:, ::-1] if turn >= TURNS // 2 else view, turn))


def turn_back(maps: NDArray[np.float32], turn: int) -> Maps:
    """Maps `[..., h, w]` of a turned picture, as they lie on the picture itself."""
    upright = np.rot90(maps, -turn, axes=(-2, -1))
    return upright[..., ::-1] if turn >= TURNS // 2 else upright


def view_boxes(photo: Photo, transform: Transform, looks: Sequence[Look]) -> list[Box]:
    """The part of the photo that each look sees, in the photo's pixels."""
    return [preprocess.view_box(photo, transform, look.crop) for look in looks]


def covering_box(boxes: Sequence[Box]) -> Box:
    """The box around all boxes."""
    edges = np.array(boxes)
    return Box(*edges[:, :2].min(0).tolist(), *edges[:, 2:].max(0).tolist())


def merge_maps(cams: Maps, looks: Sequence[Look], boxes: Sequence[Box], shift: float) -> Maps:
    """The mean of the looks' class maps `[k, 7, h, w]`, over the part of the photo that they see together, in cells about as
    large as theirs: each map turned back and put where it looks, `shift` cells right of and below its place before the turn."""
    whole = covering_box(boxes)
    rows = round(cams.shape[2] * (whole.bottom - whole.top) / (boxes[0].bottom - boxes[0].top))
    columns = round(cams.shape[3] * (whole.right - whole.left) / (boxes[0].right - boxes[0].left))
    total, weight = np.zeros((cams.shape[1], rows, columns), np.float32), np.zeros((rows, columns), np.float32)
    for maps, look, box in zip(cams, looks, boxes, strict=True):
        down, across = _direction(look.turn)
        into_rows = _placement(cams.shape[2], rows, whole.top, whole.bottom, box.top, box.bottom, down * shift)
        into_columns = _placement(cams.shape[3], columns, whole.left, whole.right, box.left, box.right, across * shift)
        total += into_rows @ turn_back(maps, look.turn) @ into_columns.T
        weight += np.outer(into_rows.sum(1), into_columns.sum(1))
    return np.asarray(total / np.maximum(weight, np.float32(1e-6)), np.float32)


def _direction(turn: int) -> tuple[int, int]:
    """Which way, down and across on the picture itself, right of and below is on the picture turned so."""
    corner = np.zeros((3, 3), np.float32)
    corner[2, 2] = 1
    down, across = np.argwhere(turn_back(corner, turn))[0]
    return int(down) - 1, int(across) - 1


def _placement(cells: int, count: int, low: int, high: int, start: int, end: int, shift: float) -> Maps:
    """How much each of `count` positions from `low` to `high` gets of each of a map's cells from `start` to `end`,
    `[count, cells]`: between two cells' middles of both, outside of the map nothing."""
    middles = low + (np.arange(count) + 0.5) * (high - low) / count
    cell_positions = (middles - start) / (end - start) * cells - 0.5 - shift
    within = (middles > start) & (middles < end)
    return np.asarray((interpolation_weights(cell_positions, cells) * within).T, np.float32)


def interpolation_weights(positions: NDArray[np.float64], cells: int) -> Maps:
    """How much each position between the middles of cells gets of each `[cells, positions]`; beyond the outermost, all of it."""
    return np.array([np.interp(positions, np.arange(cells), row) for row in np.eye(cells)], np.float32)
