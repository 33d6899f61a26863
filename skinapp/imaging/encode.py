"""Pictures become files: PNG, JPEG and WebP with nothing but their pixels in them, and none larger than is shown."""

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skinapp.imaging.decode import Photo
from skinapp.imaging.preprocess import Box

MAX_SIDE = 1024
"""Pixels a side of the largest picture that is shown."""


def to_overlay_size(photo: Photo) -> Photo:
    """The photo at the size of its overlay."""
    return shrink(photo, Box(0, 0, photo.shape[1], photo.shape[0]))[0]


def png(picture: Photo) -> bytes:
    """A picture as PNG, with nothing but its pixels in it."""
    return bytes(cv2.imencode(".png", picture[:, :, ::-1])[1])


def jpeg(picture: Photo) -> bytes:
    """A picture as JPEG, with nothing but its pixels in it."""
    return bytes(cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, 88))[1])


def webp(rgba: NDArray[np.uint8]) -> bytes:
    """A layer as WebP, which is small and keeps its transparency."""
    buffer = io.BytesIO()
    # Method 0 takes a quarter of the time of cv2's encoder, which has no such choice, for half as many bytes again.
    Image.fromarray(rgba).save(buffer, "WEBP", quality=85, method=0)
    return buffer.getvalue()


def thumbnail(photo: Photo, side: int, *, is_whole: bool = False) -> Photo:
    """A photo whose shorter side has so few pixels: the square in its middle, or the whole."""
    height, width = photo.shape[:2]
    short = min(height, width)
    if not is_whole:
        top, left = (height - short) // 2, (width - short) // 2
        photo = photo[top : top + short, left : left + short]
    size = (round(photo.shape[1] * side / short), round(photo.shape[0] * side / short))
    return np.asarray(cv2.resize(np.ascontiguousarray(photo), size, interpolation=cv2.INTER_AREA), np.uint8)


def shrink(photo: Photo, box: Box) -> tuple[Photo, Box]:
    """A photo of at most MAX_SIDE pixels a side, and where a part of it lies then."""
    scale = min(1.0, MAX_SIDE / max(photo.shape[:2]))
    if scale == 1:
        return photo, box
    width, height = (max(1, round(side * scale)) for side in (photo.shape[1], photo.shape[0]))
    box = Box(*(round(edge * scale) for edge in box))
    return np.asarray(cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA), np.uint8), box
