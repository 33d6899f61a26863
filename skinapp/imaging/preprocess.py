"""A photo becomes the network's input. THE evaluation transform: training, export and the app all call it.

It does what timm's evaluation transform does with the same numbers, without torch.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skinapp.imaging import aside
from skinapp.imaging.decode import Need, Photo
from skinapp.model.spec import Transform

RESAMPLING = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


OFFSET_SHARES = {"start": 0.0, "middle": 0.5, "end": 1.0}
"""Of what is cut off, the share before a crop at this position."""


OVERSAMPLING = 2
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
    return Need(OVERSAMPLING * min(_resized_size(1, 1, transform)), SHOWN_SIDE)


def batch(photos: Sequence[Photo], transform: Transform) -> NDArray[np.float32]:
    """Photos of any sizes to one normalised `[n, 3, height, width]`."""
    return normalize([view(photo, transform) for photo in photos], transform)


def normalize(views: Sequence[Photo] | NDArray[np.uint8], transform: Transform) -> NDArray[np.float32]:
    """Views `[height, width, 3]`, all of one size, to the network's input `[n, 3, height, width]`."""
    mean, std = (np.asarray(values, np.float32)[:, None] for values in (transform.mean, transform.std))
    # A table of all 256 grey levels, looked up, takes a fifth of the time of the arithmetic on every pixel.
    levels = (np.arange(256, dtype=np.float32) / np.float32(255) - mean) / std
    pixels = np.empty((len(views), 3, *views[0].shape[:2]), np.float32)
    for image, planes in zip(views, pixels, strict=True):
        for channel, plane in enumerate(cv2.split(image)):
            cv2.LUT(plane, levels[channel], planes[channel])
    return pixels


def view(photo: Photo, transform: Transform) -> Photo:
    """What the network sees of a photo, at its input size."""
    return crops(photo, transform, ["middle"])[0]


def crops(photo: Photo, transform: Transform, positions: Sequence[str]) -> list[Photo]:
    """What the network sees of a photo at the start, in the middle or at the end of its longer side, at its input size."""
    height, width = transform.input_size[1:]
    resized = _resized_size(photo.shape[1], photo.shape[0], transform)
    picture = _resize(Image.fromarray(photo), resized, RESAMPLING[transform.interpolation])
    corners = [(_margin(resized[0], width, position), _margin(resized[1], height, position)) for position in positions]
    return [np.asarray(picture.crop((left, top, left + width, top + height))) for left, top in corners]


def _resize(picture: Image.Image, size: tuple[int, int], resampling: Image.Resampling) -> Image.Image:
    """Pillow's resize to the pixel, its lower half aside: it takes half of the time that lies between a small photo's decoding
    and its pass."""
    upper_rows = size[1] // 2
    # Halves that begin amid a pixel would be weighted otherwise in the last digit.
    if picture.height * upper_rows % size[1]:
        return picture.resize(size, resampling)
    split = picture.height * upper_rows // size[1]
    lower_box = (0, split, picture.width, picture.height)
    lower = aside.begin(partial(picture.resize, (size[0], size[1] - upper_rows), resampling, lower_box))
    upper = picture.resize((size[0], upper_rows), resampling, (0, 0, picture.width, split))
    result = Image.new("RGB", size)
    result.paste(upper)
    result.paste(lower(), (0, upper_rows))
    return result


def view_box(photo: Photo, transform: Transform, position: str = "middle") -> Box:
    """The part of a photo that the network sees in the crop at this position, in the photo's pixels."""
    height, width = transform.input_size[1:]
    resized = _resized_size(photo.shape[1], photo.shape[0], transform)
    x_scale, y_scale = photo.shape[1] / resized[0], photo.shape[0] / resized[1]
    left, top = _margin(resized[0], width, position), _margin(resized[1], height, position)
    return Box(round(left * x_scale), round(top * y_scale), round((left + width) * x_scale), round((top + height) * y_scale))


def _resized_size(width: int, height: int, transform: Transform) -> tuple[int, int]:
    """Width and height after the resize and before the crop."""
    sides = [math.floor(side / transform.crop_pct) for side in transform.input_size[1:]]
    if transform.crop_mode == "squash":
        return sides[1], sides[0]
    # `center` keeps the aspect ratio; the spec makes sure that the input is square.
    side = sides[0]
    return (side, int(side * height / width)) if width <= height else (int(side * width / height), side)


def _margin(length: int, crop_length: int, position: str) -> int:
    return round((length - crop_length) * OFFSET_SHARES[position])
