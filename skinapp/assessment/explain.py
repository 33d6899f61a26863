"""A class map becomes a heatmap, and with the photo an overlay: where the evidence for a lesion lies, not why.

The scale is absolute: a photo without evidence gets a blank map, never a hot spot made by stretching noise.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from skinapp.imaging.decode import Photo
from skinapp.imaging.encode import shrink
from skinapp.imaging.preprocess import Box
from skinapp.model.spec import HeatmapScale

Heatmap = NDArray[np.float32]
"""`[h, w]`, 0 (no evidence) to 1 (strongest)."""

STRONGEST = 0.65
UNSEEN = 0.45
LAYER_SIDE = 192
SIZES = 16
"""Sizes of pictures whose cells' shares are kept."""
DIMMED = (np.arange(256) * UNSEEN).astype(np.uint8)
COLOURS = np.ascontiguousarray(cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_TURBO)[:, :, ::-1])
"""RGB by heat, `[256, 1, 3]`."""


@dataclass(frozen=True)
class Evidence:
    """Where in a photo the evidence for each kind lies: class maps `[k, h, w]` of `codes`, the part of the photo that they cover,
    and the model's scale."""

    codes: tuple[str, ...]
    cams: NDArray[np.float32]
    view_box: Box
    scale: HeatmapScale

    def overlay(self, photo: Photo, code: str) -> Photo:
        """The photo with the evidence for one kind on it."""
        return overlay(photo, self.heatmap(code), self.view_box, self.scale.shift)

    def layer(self, code: str) -> NDArray[np.uint8]:
        """The evidence for one kind as RGBA, to be laid over the part of the photo that the network saw."""
        return layer(self.heatmap(code), self.scale.shift)

    def heatmap(self, code: str) -> Heatmap:
        """The evidence for one kind, `[h, w]` from 0 to 1."""
        return heatmap(self.cams[self.codes.index(code)], code, self.scale)


def heatmap(cam: NDArray[np.float32], code: str, scale: HeatmapScale) -> Heatmap:
    """Grad-CAM of one lesion from its class map `[h, w]`, on the model's own scale of evidence for that lesion."""
    floor, full = scale.floor[code], scale.full[code]
    return np.clip((np.maximum(cam, 0) - floor) / (full - floor), 0, 1).astype(np.float32)


def overlay(photo: Photo, heat: Heatmap, view_box: Box, shift: float) -> Photo:
    """The photo, at most 1024 pixels a side, with the heatmap on the part the network saw and the rest dimmed."""
    small, box = shrink(photo, view_box)
    result = small.copy()
    middle_rows, part = result[box.top : box.bottom], result[box.top : box.bottom, box.left : box.right]
    for area in (result[: box.top], result[box.bottom :], middle_rows[:, : box.left], middle_rows[:, box.right :]):
        if area.size:
            area[:] = cv2.LUT(area, DIMMED)
    height, width = part.shape[:2]
    # Evidence changes slowly: as many places as a layer has are enough to work colours out for.
    step = max(1, min(height, width) // LAYER_SIDE)
    smooth = enlarge(heat, -(-width // step), -(-height // step), shift)
    if smooth.any():
        colours, weight = _colours_and_weight(smooth)
        added = cv2.multiply(colours, cv2.merge([weight] * 3), dtype=cv2.CV_8U)
        photo_share = np.rint((1 - weight) * 255).astype(np.uint8)
        large_added, large_share = (
            cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in (added, photo_share)
        )
        cv2.add(cv2.multiply(part, cv2.merge([large_share] * 3), scale=1 / 255), large_added, part)
    return result


def layer(heat: Heatmap, shift: float) -> NDArray[np.uint8]:
    """The overlay without its photo: RGBA `[192, 192, 4]`, to be stretched over the part that the network saw."""
    colours, weight = _colours_and_weight(enlarge(heat, LAYER_SIDE, LAYER_SIDE, shift))
    return np.dstack([colours, np.rint(weight * 255).astype(np.uint8)])


def enlarge(heat: Heatmap, width: int, height: int, shift: float) -> Heatmap:
    """The heatmap at a picture's size, each cell at the place that it looks at: `shift` cells right of and below its own."""
    down, across = (_spread(cells, length, shift) for cells, length in zip(heat.shape, (height, width), strict=True))
    # Not numpy's product, which starts threads for it: on a busy machine it took 100 ms for one of 768x768, and this 0.3.
    smooth = cv2.gemm(down @ heat, across, 1, None, 0, flags=cv2.GEMM_2_T)  # type: ignore[call-overload]  # None may be given
    return np.asarray(np.clip(smooth, 0, 1, out=smooth), np.float32)


@lru_cache(SIZES)
def _spread(cells: int, length: int, shift: float) -> NDArray[np.float32]:
    """How much of each cell each of `length` pixels gets, `[length, cells]`: cubic, and level beyond the outermost centres."""
    scale = length / cells
    # Pixel centres lie half a pixel, and cell centres half a cell, from the edge.
    matrix = np.array([[1, 0, 0], [0, scale, (shift + 0.5) * scale - 0.5]], np.float32)
    identity, size = np.eye(cells, dtype=np.float32), (cells, length)
    return np.asarray(cv2.warpAffine(identity, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _colours_and_weight(smooth: Heatmap) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Colours `[h, w, 3]` of an enlarged heatmap, and how strongly they cover the photo, `[h, w]`."""
    colours = cv2.applyColorMap((smooth * 255).astype(np.uint8), COLOURS)
    return np.asarray(colours, np.uint8), smooth * np.float32(STRONGEST)
