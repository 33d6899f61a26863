"""Random training views of drawn pictures."""

import cv2
import numpy as np
import pytest

from tests import drawings
from train import augment

PLAIN = {"area": 1.0, "colour": 0.0, "faults": 0.0}
USUAL = {"area": 0.5, "colour": 0.7, "faults": 0.25}


def view(photo, seed: int = 0, size: int = 64, **how: float):
    return augment.random_view(photo, size, np.random.default_rng(seed), **(USUAL | how))


@pytest.mark.parametrize("shape", [(90, 120), (120, 90), (64, 64), (300, 40)])
def test_a_view_is_a_square_of_the_size_asked_for_whatever_the_photo(shape):
    photo = drawings.lesion(shape[1], shape[0])
    for seed in range(20):
        seen = view(photo, seed, faults=0.5)
        assert seen.shape == (64, 64, 3) and seen.dtype == np.uint8 and seen.flags["C_CONTIGUOUS"]


def test_the_same_seed_gives_the_same_view_and_another_seed_another():
    photo = drawings.lesion(120, 90)
    views = [view(photo, seed, faults=0.5) for seed in range(30)]
    assert all(np.array_equal(one, view(photo, seed, faults=0.5)) for seed, one in enumerate(views))
    assert len({one.tobytes() for one in views}) == 30


def test_without_crops_colours_and_faults_a_view_is_turned_flipped_and_stretched_alone():
    """A disc keeps its place, its area and its colour; a stretch makes it an ellipse of at most e^0.3."""
    photo = np.full((128, 128, 3), (220, 180, 150), np.uint8)
    cv2.circle(photo, (64, 64), 30, (70, 40, 30), -1)
    for seed in range(20):
        seen = view(photo, seed, size=128, **PLAIN)
        disc = seen[..., 0] < 145
        assert disc.sum() == pytest.approx((photo[..., 0] < 145).sum(), rel=0.03)
        rows, columns = np.nonzero(disc)
        assert abs(rows.mean() - 63.5) < 1.5 and abs(columns.mean() - 63.5) < 1.5
        assert set(np.unique(seen.reshape(-1, 3)[[0, 64 * 128 + 64]], axis=0)[:, 0]) == {70, 220}
        assert np.linalg.cond(np.cov(rows, columns)) < np.exp(4 * 0.15) * 1.05  # variances go by the square of the sides


def test_every_turn_and_flip_occurs():
    photo = np.zeros((64, 64, 3), np.uint8)
    photo[:32, :32], photo[:32, 32:], photo[32:, :32], photo[32:, 32:] = 40, 100, 160, 220
    found = set()
    for seed in range(300):
        seen = view(photo, seed, **PLAIN)[..., 0]
        found.add(tuple(int(seen[row, column]) for row, column in ((24, 24), (24, 40), (40, 24), (40, 40))))
    corners = [(40, 100, 160, 220), (160, 40, 220, 100), (220, 160, 100, 40), (100, 220, 40, 160)]
    assert {*corners, *((b, a, d, c) for a, b, c, d in corners)} <= found


@pytest.mark.parametrize(("area", "least"), [(1.0, 1.0), (0.5, 0.5), (0.25, 0.25)])
def test_a_view_shows_no_less_than_its_share_of_the_centre_square(area, least):
    """What a view enlarges it shows less of."""
    shown = []
    for seed in range(200):
        matrix = augment._placement(90, 60, 64, area, np.random.default_rng(seed))
        shown.append(64 * 64 / abs(np.linalg.det(matrix[:, :2].astype(float))) / (60 * 60))
    assert min(shown) > least - 1e-3 and max(shown) < 1 + 1e-3
    assert area == 1 or min(shown) < least + 0.05


def test_greys_stay_greys_but_for_the_white_balance():
    """A turn of the hues leaves them alone: every grey is tinted by the same factors, of 8% at most."""
    photo = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    for seed in range(20):
        seen = augment._recoloured(photo, np.random.default_rng(seed), 1.0)[0].astype(float)
        unclipped = seen[(seen.min(1) > 0) & (seen.max(1) < 255)]
        for channel in (0, 2):
            (gain,), *_ = np.linalg.lstsq(unclipped[:, 1:2], unclipped[:, channel])
            assert np.abs(unclipped[:, channel] - gain * unclipped[:, 1]).max() < 1.5  # of rounding
            assert 0.92 / 1.08 - 0.01 < gain < 1.08 / 0.92 + 0.01


def test_colours_change_with_the_strength_and_not_at_all_without():
    photo = drawings.lesion(64, 64)
    assert np.array_equal(augment._recoloured(photo, np.random.default_rng(0), 0), photo)
    moved = [
        np.mean(
            [
                np.abs(augment._recoloured(photo, np.random.default_rng(seed), strength).astype(float) - photo).mean()
                for seed in range(20)
            ]
        )
        for strength in (0.3, 0.7, 1.0)
    ]
    assert 0 < moved[0] < moved[1] < moved[2] < 60


LIGHT = (augment._lit, augment._from_a_screen)


@pytest.mark.parametrize("fault", [fault for fault in augment.FAULTS if fault not in LIGHT], ids=lambda fault: fault.__name__)
def test_a_fault_alters_the_picture_but_not_its_mean_colour(fault):
    photo = drawings.lesion(192, 192)
    for seed in range(20):
        seen = fault(photo, np.random.default_rng(seed))
        assert seen.shape == photo.shape and seen.dtype == np.uint8
        assert 0.2 < np.abs(seen.astype(float) - photo).mean() < 25
        np.testing.assert_allclose(seen.mean((0, 1)), photo.mean((0, 1)), atol=3)


def test_wrong_light_burns_a_picture_out_or_darkens_it():
    photo = drawings.lesion(192, 192)
    gains = [augment._lit(photo, np.random.default_rng(seed)).mean() / photo.mean() for seed in range(40)]
    assert min(gains) < 0.6 and max(gains) > 1.1
    burnt = max(range(40), key=lambda seed: gains[seed])
    assert (augment._lit(photo, np.random.default_rng(burnt)) == 255).mean() > 0.1


def test_a_screens_waves_repeat_in_a_plain_picture_and_leave_its_mean():
    photo = np.full((192, 192, 3), (180, 140, 120), np.uint8)
    for seed in range(10):
        seen = augment._from_a_screen(photo, np.random.default_rng(seed)).astype(float)
        np.testing.assert_allclose(seen.mean((0, 1)), photo.mean((0, 1)), rtol=0.1)
        spectrum = np.abs(np.fft.fft2(seen[..., 1] - seen[..., 1].mean())) ** 2
        assert np.sort(spectrum.ravel())[-60:].sum() > 0.6 * spectrum.sum(), "a few waves hold most of what varies"


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_faults_come_as_often_as_asked(share):
    photo = drawings.lesion(64, 64)
    spared = sum(np.array_equal(view(photo, seed, faults=share), view(photo, seed, faults=0.0)) for seed in range(400))
    assert spared / 400 == pytest.approx(1 - share, abs=0.07)
