"""Small pictures of photos."""

import numpy as np
import pytest

from skinapp.imaging import encode


@pytest.mark.parametrize(("width", "height", "whole"), [(320, 240, (96, 128)), (240, 321, (128, 96)), (50, 50, (96, 96))])
def test_a_thumbnail_is_the_square_in_the_middle_or_the_whole(width: int, height: int, whole: tuple[int, int]) -> None:
    photo = np.zeros((height, width, 3), np.uint8)
    short = min(width, height)
    top, left = (height - short) // 2, (width - short) // 2
    photo[top : top + short, left : left + short] = 255
    square = encode.thumbnail(photo, 96)
    assert square.shape == (96, 96, 3) and square.min() == 255
    small = encode.thumbnail(photo, 96, is_whole=True)
    assert small.shape == (*whole, 3) and (small.min() == 255) == (width == height)
