"""Looks at one picture: as it is, and once more, cut and mirrored, where pictures are few. What is learned holds for both."""

import cv2
import numpy as np
from numpy.typing import NDArray

from skinapp.imaging.decode import Photo

CROP = 0.85
"""Of each side that the second look keeps, in the middle."""
MOST = 600
"""Pictures that are looked at twice; with more of them, a second look hardly helps and takes its time."""


def second(view: Photo) -> Photo:
    """The middle of a picture, mirrored, at the same size."""
    height, width = view.shape[:2]
    top, left = (round(side * (1 - CROP) / 2) for side in (height, width))
    middle = view[top : height - top, left : width - left]
    resized: NDArray[np.uint8] = np.asarray(cv2.resize(middle, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    return np.ascontiguousarray(resized[:, ::-1])
