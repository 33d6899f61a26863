from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from skinapp.imaging import preprocess
from skinapp.imaging.preprocess import Box
from skinapp.model.spec import ModelSpec
from tests import TINY_MODEL
from tests.support import drawings

TRANSFORM = ModelSpec.read(TINY_MODEL).transform


def test_the_batch_is_the_views_scaled_by_mean_and_std():
    photos = [drawings.plain((255, 0, 51), 40, 32), drawings.plain(204, 64, 64)]
    pixels = preprocess.batch(photos, TRANSFORM)
    assert pixels.shape == (2, 3, 32, 32) and pixels.dtype == np.float32
    np.testing.assert_allclose(pixels[0].mean((1, 2)), [1, -1, -0.6], atol=1e-6)
    np.testing.assert_allclose(pixels[1], 0.6, atol=1e-6)


@pytest.mark.parametrize(
    ("width", "height", "box"),
    [
        (320, 240, Box(40, 0, 280, 240)),
        (240, 320, Box(0, 40, 240, 280)),
        (100, 100, Box(0, 0, 100, 100)),
        (4000, 3000, Box(500, 0, 3500, 3000)),
    ],
)
def test_the_network_sees_the_square_in_the_middle(width, height, box):
    assert preprocess.view_box(drawings.plain(0, width, height), TRANSFORM) == pytest.approx(box, abs=max(width, height) / 32)


def test_what_is_outside_the_seen_box_changes_nothing():
    photo = drawings.lesion(320, 240)
    box = preprocess.view_box(photo, TRANSFORM)
    changed = photo.copy()
    changed[:, : box.left - 16] = 0
    changed[:, box.right + 16 :] = 0
    np.testing.assert_array_equal(preprocess.view(photo, TRANSFORM), preprocess.view(changed, TRANSFORM))


def test_squash_sees_the_whole_photo():
    squash = replace(TRANSFORM, crop_mode="squash")
    assert preprocess.view_box(drawings.plain(0, 317, 211), squash) == Box(0, 0, 317, 211)
    photo = drawings.plain(255, 320, 240)
    photo[:, :160] = 0
    view = preprocess.view(photo, squash)
    assert (view[:, :12] == 0).all() and (view[:, -12:] == 255).all()


def test_a_crop_share_below_one_sees_less():
    box = preprocess.view_box(drawings.plain(0, 64, 64), replace(TRANSFORM, crop_pct=0.5))
    assert box == Box(16, 16, 48, 48)


@pytest.mark.parametrize("size", [(600, 450), (450, 600), (341, 256), (1000, 750), (131, 97), (97, 613)])
def test_a_resize_in_two_threads_gives_pillows_very_pixels(size):
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8))
    transform = replace(TRANSFORM, input_size=(3, 64, 64))
    resized = preprocess._resized_size(*size, transform)
    expected = picture.resize(resized, Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(preprocess._resize(picture, resized, Image.Resampling.BICUBIC), expected)


def test_many_threads_resize_at_once_and_each_gets_its_own():
    pictures = [Image.fromarray(drawings.lesion(200 + number, 160, seed=number)) for number in range(16)]
    bicubic = Image.Resampling.BICUBIC
    with ThreadPoolExecutor(4) as several:
        found = list(several.map(lambda picture: preprocess._resize(picture, (80, 64), bicubic), pictures * 4))
    for picture, one in zip(pictures * 4, found, strict=True):
        np.testing.assert_array_equal(one, picture.resize((80, 64), bicubic))
