"""A photo becomes the network's input. THE evaluation transform: training, export and the app all call it.

It does what timm's evaluation transform does with the same numbers, without torch.
"""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skinapp.imaging.decode import Need, Photo
from skinapp.model.spec import Transform

RESAMPLING = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


SHARES = {"start": 0.0, "middle": 0.5, "end": 1.0}
"""Of what is cut off, the share before a crop at this place."""


_helper, _second = ThreadPoolExecutor(1, "skinapp-resize"), Lock()
"""The thread that lends a hand, and whether it has one free."""

FINER = 2
"""Times as long as what the network sees that a photo's shorter side must be before it is scaled down."""
SHOWN_SIDE = 960
"""Pixels of the longer side that a photo is shown with at least: a quarter of a phone's 4,000."""


class Box(NamedTuple):
    """A rectangle in a photo's pixels."""

    left: int
    top: int
    right: int
    bottom: int


def need(transform: Transform) -> Need:
    """The pixels that a photo needs for the network to see what it would see of all of it, and to be shown."""
    return Need(FINER * min(_resized(1, 1, transform)), SHOWN_SIDE)


def batch(photos: Sequence[Photo], transform: Transform) -> NDArray[np.float32]:
    """Photos of any sizes to one normalised `[n, 3, height, width]`."""
    return normalize(np.stack([view(photo, transform) for photo in photos]), transform)


def normalize(views: NDArray[np.uint8], transform: Transform) -> NDArray[np.float32]:
    """Views `[n, height, width, 3]` to the network's input `[n, 3, height, width]`."""
    mean, std = (np.asarray(values, np.float32)[:, None] for values in (transform.mean, transform.std))
    # A table of all 256 grey levels, looked up, takes a fifth of the time of the arithmetic on every pixel.
    levels = (np.arange(256, dtype=np.float32) / np.float32(255) - mean) / std
    pixels = np.empty((len(views), 3, *views.shape[1:3]), np.float32)
    for seen, planes in zip(views, pixels, strict=True):
        for channel, plane in enumerate(cv2.split(seen)):
            cv2.LUT(plane, levels[channel], planes[channel])
    return pixels


def view(photo: Photo, transform: Transform) -> Photo:
    """What the network sees of a photo, at its input size."""
    return crops(photo, transform, ["middle"])[0]


def crops(photo: Photo, transform: Transform, places: Sequence[str]) -> list[Photo]:
    """What the network sees of a photo at the start, in the middle or at the end of its longer side, at its input size."""
    height, width = transform.input_size[1:]
    resized = _resized(photo.shape[1], photo.shape[0], transform)
    picture = _scaled(Image.fromarray(photo), resized, RESAMPLING[transform.interpolation])
    corners = [(_margin(resized[0], width, place), _margin(resized[1], height, place)) for place in places]
    return [np.asarray(picture.crop((left, top, left + width, top + height))) for left, top in corners]


def _scaled(picture: Image.Image, size: tuple[int, int], resampling: Image.Resampling) -> Image.Image:
    """Pillow's resize to the pixel, its lower half in a second thread where that one is free: it takes half of the time that
    lies between a small photo's decoding and its pass."""
    upper = size[1] // 2
    # Halves that begin amid a pixel would be weighted otherwise in the last digit.
    if picture.height * upper % size[1] or not _second.acquire(blocking=False):
        return picture.resize(size, resampling)
    try:
        cut = picture.height * upper // size[1]
        lower = _helper.submit(picture.resize, (size[0], size[1] - upper), resampling, (0, cut, picture.width, picture.height))
        whole = Image.new("RGB", size)
        whole.paste(picture.resize((size[0], upper), resampling, (0, 0, picture.width, cut)))
        whole.paste(lower.result(), (0, upper))
        return whole
    finally:
        _second.release()


def view_box(photo: Photo, transform: Transform, place: str = "middle") -> Box:
    """The part of a photo that the network sees there, in the photo's pixels."""
    height, width = transform.input_size[1:]
    resized = _resized(photo.shape[1], photo.shape[0], transform)
    across, down = photo.shape[1] / resized[0], photo.shape[0] / resized[1]
    left, top = _margin(resized[0], width, place), _margin(resized[1], height, place)
    return Box(round(left * across), round(top * down), round((left + width) * across), round((top + height) * down))


def _resized(width: int, height: int, transform: Transform) -> tuple[int, int]:
    """Width and height after the resize and before the crop."""
    wanted = [math.floor(side / transform.crop_pct) for side in transform.input_size[1:]]
    if transform.crop_mode == "squash":
        return wanted[1], wanted[0]
    # `center` keeps the aspect ratio; the spec makes sure that the input is square.
    side = wanted[0]
    return (side, int(side * height / width)) if width <= height else (int(side * width / height), side)


def _margin(length: int, kept: int, place: str) -> int:
    return round((length - kept) * SHARES[place])
